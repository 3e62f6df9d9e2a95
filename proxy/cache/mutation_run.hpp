#pragma once

#include "proxy/async/event.hpp"
#include "proxy/async/task.hpp"
#include "proxy/cache/handoff.hpp"
#include "proxy/cache/mutate.hpp"
#include "proxy/http/message.hpp"
#include "proxy/identity/source.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sidecache::cache {

/// What the client's side of a mutation and the side that does it tell each other; the last one to
/// go takes it away. One worker only.
struct conversation {
    explicit conversation(executor const& ex) : upload(ex), download(ex), answered(ex) {}

    // From the client's side, before the other one begins.
    http::request_head request;
    std::string peer;
    std::shared_ptr<identity::verified const> who;  // null: nobody was verified
    std::string body;                               // all of it, or its beginning
    bool body_whole = false;
    handoff upload;  // what comes behind `body`

    // To the client's side: set before `answered` is notified.
    enum class kind : std::uint8_t {
        none,
        held,      ///< `head` and `content`
        streamed,  ///< `head`, then `download`
    };
    kind answer = kind::none;
    http::response_head head;
    std::string content;
    handoff download;
    event answered;
    mutation_report report;
};

/// Marks, forwards, bumps, tells the client's side what to answer, and goes on to the end of what
/// has to be done, whether or not anybody listens. For `parts.background`.
task<void> run_mutation(worker_parts parts,
                        std::shared_ptr<snapshot const> snap,
                        std::shared_ptr<conversation> talk);

}  // namespace sidecache::cache
