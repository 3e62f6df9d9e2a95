#include "proxy/store/event_payload.hpp"

#include <array>
#include <charconv>

namespace sidecache::store {

namespace {

constexpr std::string_view fill_done_prefix = "1 fill_done ";
constexpr std::array<std::string_view, 3> outcome_names{"stored", "not_stored", "failed"};
constexpr std::string_view drop_prefix = "1 drop ";
constexpr std::string_view ack_prefix = "1 ack ";
constexpr std::size_t id_size = 32;

/// Takes an id off the front, and the space behind it unless it ends the payload.
std::optional<id128> take_id(std::string_view& payload) {
    auto const id = id128::parse(payload.substr(0, id_size));
    if (!id) {
        return std::nullopt;
    }
    payload.remove_prefix(id_size);
    if (!payload.empty()) {
        if (payload.front() != ' ') {
            return std::nullopt;
        }
        payload.remove_prefix(1);
    }
    return id;
}

/// Takes LENGTH ":" TAG off the front.
std::optional<std::string_view> take_tag(std::string_view& payload) {
    std::size_t length = 0;
    auto const [end, error] =
        std::from_chars(payload.data(), payload.data() + payload.size(), length);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    payload.remove_prefix(static_cast<std::size_t>(end - payload.data()));
    if (!payload.starts_with(':') || payload.size() - 1 < length) {
        return std::nullopt;
    }
    auto const tag = payload.substr(1, length);
    payload.remove_prefix(1 + length);
    return tag;
}

}  // namespace

std::string_view name(fill_outcome o) {
    return outcome_names[static_cast<std::size_t>(o)];
}

void format_to(std::string& out, fill_done const& e) {
    out += fill_done_prefix;
    out += name(e.outcome);
    out += ' ';
    out += e.lock_key;
}

std::optional<fill_done> parse_fill_done(std::string_view payload) {
    if (!payload.starts_with(fill_done_prefix)) {
        return std::nullopt;
    }
    payload.remove_prefix(fill_done_prefix.size());
    auto const space = payload.find(' ');
    if (space == std::string_view::npos || space + 1 == payload.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < outcome_names.size(); ++i) {
        if (payload.substr(0, space) == outcome_names[i]) {
            return fill_done{static_cast<fill_outcome>(i), payload.substr(space + 1)};
        }
    }
    return std::nullopt;
}

void format_drop_to(std::string& out,
                    id128 round,
                    id128 member,
                    std::span<std::string_view const> tags,
                    std::size_t most) {
    out += drop_prefix;
    round.hex_to(out);
    out += ' ';
    member.hex_to(out);
    out += ' ';
    auto const head = out.size();
    for (auto const tag : tags) {
        out += std::to_string(tag.size());
        out += ':';
        out += tag;
        if (out.size() - head > most) {
            out.resize(head);
            out += '*';
            return;
        }
    }
}

std::optional<drop_tags> parse_drop(std::string_view payload) {
    if (!payload.starts_with(drop_prefix)) {
        return std::nullopt;
    }
    payload.remove_prefix(drop_prefix.size());
    drop_tags d;
    auto const round = take_id(payload);
    auto const member = round ? take_id(payload) : std::nullopt;
    if (!member || payload.empty()) {
        return std::nullopt;
    }
    d.round = *round;
    d.member = *member;
    if (payload == "*") {
        d.everything = true;
        return d;
    }
    while (!payload.empty()) {
        auto const tag = take_tag(payload);
        if (!tag) {
            return std::nullopt;
        }
        d.tags.push_back(*tag);
    }
    return d;
}

void format_to(std::string& out, drop_ack const& e) {
    out += ack_prefix;
    e.round.hex_to(out);
    out += ' ';
    e.member.hex_to(out);
}

std::optional<drop_ack> parse_ack(std::string_view payload) {
    if (!payload.starts_with(ack_prefix)) {
        return std::nullopt;
    }
    payload.remove_prefix(ack_prefix.size());
    auto const round = take_id(payload);
    auto const member = round ? id128::parse(payload) : std::nullopt;
    if (!member) {
        return std::nullopt;
    }
    return drop_ack{*round, *member};
}

}  // namespace sidecache::store
