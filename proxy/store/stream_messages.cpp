#include "proxy/store/stream_messages.hpp"

namespace sidecache::store {

namespace {

/// [id, [name, value, ...]], or [id, nil].
std::optional<stream_message> parse_message(resp_tree const& t) {
    if (!t.is_array() || t.items.size() != 2 || !t.items[0].is_text()) {
        return std::nullopt;
    }
    stream_message out;
    out.id = t.items[0].text;
    auto const& fields = t.items[1];
    if (fields.is_nil()) {
        out.is_gone = true;
        return out;
    }
    if (!fields.is_array() || fields.items.size() % 2 != 0) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < fields.items.size(); i += 2) {
        out.fields.emplace_back(fields.items[i].text, fields.items[i + 1].text);
    }
    return out;
}

bool parse_messages(resp_tree const& t, std::vector<stream_message>& out, bool& has_nil) {
    if (!t.is_array()) {
        return false;
    }
    for (auto const& item : t.items) {
        if (item.is_nil()) {
            has_nil = true;
            continue;
        }
        auto message = parse_message(item);
        if (!message) {
            return false;
        }
        out.push_back(std::move(*message));
    }
    return true;
}

}  // namespace

std::string const* stream_message::find(std::string_view name) const {
    for (auto const& [key, value] : fields) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

std::size_t stream_message::size() const {
    std::size_t total = id.size();
    for (auto const& [key, value] : fields) {
        total += key.size() + value.size();
    }
    return total;
}

std::optional<std::vector<stream_message>> parse_read(resp_tree const& reply) {
    std::vector<stream_message> out;
    if (reply.is_nil()) {
        return out;
    }
    bool has_nil = false;
    // One stream was asked for: [[name, [message, ...]]].
    if (!reply.is_array() || reply.items.size() != 1 || reply.items[0].items.size() != 2 ||
        !parse_messages(reply.items[0].items[1], out, has_nil) || has_nil) {
        return std::nullopt;
    }
    return out;
}

std::optional<claimed> parse_claimed(resp_tree const& reply) {
    claimed out;
    if (!reply.is_array() || reply.items.size() < 2 || !reply.items[0].is_text() ||
        !parse_messages(reply.items[1], out.messages, out.has_nil)) {
        return std::nullopt;
    }
    out.next = reply.items[0].text;
    if (reply.items.size() > 2) {
        for (auto const& id : reply.items[2].items) {
            out.messages.push_back({id.text, {}, true});
        }
    }
    return out;
}

std::optional<std::int64_t> parse_outstanding(resp_tree const& groups,
                                              std::string_view group,
                                              std::int64_t length,
                                              std::string_view last_id) {
    for (auto const& one : groups.items) {
        auto const* const name = one.find("name");
        if (name == nullptr || name->text != group) {
            continue;
        }
        auto const* const pending = one.find("pending");
        auto const* const lag = one.find("lag");
        auto const* const delivered = one.find("last-delivered-id");
        if (pending == nullptr || delivered == nullptr) {
            return std::nullopt;
        }
        std::int64_t unread = 0;
        if (lag != nullptr && lag->what == resp_tree::kind::integer) {
            unread = lag->number;
        } else if (delivered->text != last_id) {
            unread = length;
        }
        return unread + pending->number;
    }
    return std::nullopt;
}

}  // namespace sidecache::store
