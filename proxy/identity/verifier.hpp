#pragma once

#include "config/identity.hpp"
#include "proxy/async/clock.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/async/task.hpp"
#include "proxy/http/message.hpp"
#include "proxy/identity/source.hpp"
#include "proxy/identity/table.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/credential.hpp"
#include "rules/request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sidecache::identity {

class key_ring;

/// What is known of a request's caller without asking anybody.
struct sighting {
    enum class kind : std::uint8_t {
        nobody,   ///< no credential, or one that could be read in two ways: not verified
        known,    ///< `who`
        refused,  ///< known not to be verified
        unknown,  ///< verifying will tell
    };
    kind what = kind::nobody;
    std::shared_ptr<verified const> who;
    rules::credential_hash of{};  // but for nobody: what he is known, or to be verified, under
};

/// One worker's parts, which outlive an inquiry.
struct asking {
    executor ex;
    scope& background;
    upstream::client& upstream;
};

/// Verifies callers for the whole process: what is known of them, and one inquiry at a time for
/// each credential, however many requests wait for it. Any thread.
///
/// An inquiry belongs to nobody who waits: it runs in the background of the worker whose request
/// came first, and goes on when that one's client has gone.
class verifier : public std::enable_shared_from_this<verifier> {
public:
    /// `fields`: config::credential_fields. `max`: credentials remembered.
    verifier(std::vector<std::string> fields, std::unique_ptr<source> by, std::size_t max);
    verifier(verifier const&) = delete;
    verifier& operator=(verifier const&) = delete;
    /// REQUIRES: no inquiry is under way; each of them keeps its verifier.
    ~verifier();

    /// Who asks, if that is known. `host`: what the backend will see as Host, since the same
    /// credentials may mean somebody else there. Allocates nothing and waits for nothing.
    sighting look(rules::request const& r, std::string_view host, boot_clock::time_point now);

    struct answer {
        std::shared_ptr<verified const> who;  // null: not verified
        telemetry::identity_outcome how = telemetry::identity_outcome::busy;
    };
    /// Finds out, once, for everybody who waits. `about` is a request whose caller is `unknown`
    /// under the hash `of`; like `host` it is not used after the first suspension.
    task<answer> verify(asking from,
                        http::request_head const& about,
                        std::string_view host,
                        rules::credential_hash of);

    /// What the source goes by has changed: nothing that it has said until now, or says to a
    /// question asked until now, is remembered.
    void forget() { known_.forget(boot_clock::now()); }
    /// Asks anew, whatever is known, and remembers what comes: for when it matters who somebody is
    /// at this moment, not up to a ttl ago. Parameters outlive the call.
    task<answer> ask_again(upstream::client& upstream,
                           http::request_head const& about,
                           std::string_view host,
                           rules::credential_hash const& of);
    /// Whether that could make a difference (source::is_fixed).
    bool is_fixed() const { return by_->is_fixed(); }
    /// What was known of one caller may no longer be so.
    void forget(rules::credential_hash const& of) { known_.forget(of, boot_clock::now()); }

    /// Credentials of which something is remembered, and inquiries under way.
    std::size_t size() const { return known_.size(); }
    std::size_t under_way() const;

    /// Inquiries of a process at once; further callers count as not verified and go to the backend:
    /// one that does not answer must not keep everybody waiting.
    static constexpr std::size_t most_rounds = 256;

private:
    class waiter;
    class conclusion;
    /// Those who wait for one inquiry.
    using round = std::vector<std::shared_ptr<waiter>>;

    inquiry question_of(http::request_head const& about,
                        std::string_view host,
                        upstream::client& upstream) const;
    static task<void> inquire(std::shared_ptr<verifier> self,
                              inquiry question,
                              rules::credential_hash of);
    void conclude(rules::credential_hash const& of,
                  verdict const& found,
                  boot_clock::time_point asked_at);
    void remember(rules::credential_hash const& of,
                  verdict const& found,
                  boot_clock::time_point asked_at);

    std::vector<std::string> const fields_;
    std::unique_ptr<source> const by_;
    table known_;
    mutable std::mutex mutex_;  // in the way of unknown callers only
    std::unordered_map<rules::credential_hash, round, hash_of_hash> rounds_;
};

/// Makes the verifier that a configuration asks for, and keeps the one there is, with all that it
/// knows, across reloads that change nothing of it. Any thread.
class verifiers {
public:
    /// Null: the file verifies nobody.
    std::shared_ptr<verifier> of(std::optional<config::identity> const& settings);

    /// Looks at the file of keys, if there is one, and forgets everybody when it holds others. Says
    /// so in the log, and counts. Blocks while it reads: not for a worker's thread.
    void look_at_keys(telemetry::process_metrics& counts);

private:
    std::mutex mutex_;
    std::optional<config::identity> settings_;
    std::shared_ptr<verifier> present_;
    std::shared_ptr<key_ring> keys_;  // of a token's verifier
};

}  // namespace sidecache::identity
