#pragma once

#include "proxy/store/connect_error.hpp"
#include "proxy/store/resp_tree.hpp"
#include "proxy/store/stream.hpp"

#include <cstddef>
#include <string>

namespace sidecache::store {

/// A few commands one after the other over a connection of its own: with a Sentinel, or for
/// `check --connect`. Not for what is asked often: `link` is. One thread.
class conversation {
public:
    /// `on` is connected and outlives this; whoever bounds the time closes it.
    explicit conversation(stream& on);

    /// Sends what is written in `commands` (resp_writer.hpp), without waiting for replies.
    task<result<void, connect_error>> say(std::string commands);
    /// The next reply; an error of the server's is one, too.
    task<result<resp_tree, connect_error>> hear();
    /// The replies to what `append_greeting` wrote, which returned `count`. An error where it was
    /// refused; not where only our name was, the last of them.
    task<result<void, connect_error>> hear_greeting(std::size_t count);

private:
    /// A plain word to a TLS port is answered by an alert or a hang-up.
    std::string hint() const;

    stream& on_;
    bool has_heard_ = false;
    tree_reader reader_;
};

}  // namespace sidecache::store
