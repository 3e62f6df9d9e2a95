#include "proxy/http/head_parser.hpp"

#include "proxy/http/field_lines.hpp"
#include "proxy/http/hop_by_hop.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sidecache::http {

namespace {

/// Longer methods are looked at line by line: the limit of a request line counts them.
constexpr std::size_t usual_method = 40;

/// What the fields of a request say of the connection and the content.
struct meaning {
    framing_fields framing;
    unsigned hosts = 0;
    std::string_view host{};
    bool expect = false;
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
    bool others = false;  // nominates fields
    bool well_formed = true;

    /// Whether it is kept as a field. The size decides most.
    bool takes(std::string_view name, std::string_view value) {
        switch (name.size()) {
            case 4:
                if (rules::iequals(name, "Host") && hosts++ == 0) {
                    host = value;
                }
                return true;
            case 6:
                expect = expect || rules::iequals(name, "Expect");
                return true;
            case 10:
                if (rules::iequals(name, "Connection")) {
                    read_options(value);
                }
                return true;
            case 14:
                return !takes_length(name, value);
            case 16:
                if (rules::iequals(name, "Proxy-Connection")) {
                    well_formed = for_each_option(value, [](std::string_view) {}) && well_formed;
                }
                return true;
            case 17:
                return !takes_coding(name, value);
            default:
                return true;
        }
    }

private:
    bool takes_length(std::string_view name, std::string_view value) {
        if (!rules::iequals(name, "Content-Length")) {
            return false;
        }
        if (framing.content_lengths++ == 0) {
            framing.content_length = value;
        }
        return true;
    }
    bool takes_coding(std::string_view name, std::string_view value) {
        if (!rules::iequals(name, "Transfer-Encoding")) {
            return false;
        }
        if (framing.transfer_encodings++ == 0) {
            framing.transfer_encoding = value;
        }
        return true;
    }
    void read_options(std::string_view list) {
        auto const is_list = for_each_option(list, [&](std::string_view option) {
            if (rules::iequals(option, "close")) {
                close = true;
            } else if (rules::iequals(option, "keep-alive")) {
                keep_alive = true;
            } else if (rules::iequals(option, "upgrade")) {
                upgrade = true;
            } else {
                others = true;
            }
        });
        well_formed = well_formed && is_list;
    }
};

/// The first byte of [at, end) that no target holds: white space or a control; `end` when there is
/// none. Eight at a time, as `find_text_end`.
char const* find_target_end(char const* at, char const* end) {
    constexpr std::uint64_t each = 0x0101010101010101ULL;
    if constexpr (std::endian::native == std::endian::little) {
        while (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            auto const deleted = word ^ (each * 0x7f);
            auto const marked =
                (((word - each * 0x21) & ~word) | ((deleted - each) & ~deleted)) & (each * 0x80);
            if (marked != 0) {
                return at + std::countr_zero(marked) / 8;
            }
            at += 8;
        }
    }
    while (at != end && static_cast<unsigned char>(*at) > 0x20 && *at != 0x7f) {
        ++at;
    }
    return at;
}

/// request-line = method SP request-target SP HTTP-version (RFC 9112 section 3). Moves `at` behind
/// the line; false: not whole, or not right.
bool read_request_line(char const*& at, char const* end, request_head& into) {
    constexpr std::string_view version = " HTTP/1.";
    auto const* const method = at;
    while (at != end && is_token_byte(*at)) {
        ++at;
    }
    if (at == end || at == method || *at != ' ') {
        return false;
    }
    auto const* const method_end = at;
    auto const* const target = at + 1;
    at = find_target_end(target, end);
    // The digit behind the dot, and the line's end.
    if (at == target || end - at < static_cast<std::ptrdiff_t>(version.size()) + 3 ||
        std::memcmp(at, version.data(), version.size()) != 0) {
        return false;
    }
    auto const* const minor = at + version.size();
    if ((*minor != '0' && *minor != '1') || minor[1] != '\r' || minor[2] != '\n') {
        return false;
    }
    into.method.assign(method, method_end);
    into.target.assign(target, at);
    into.version = *minor == '1' ? 11 : 10;
    at = minor + 3;
    return true;
}

/// The size of the head that `bytes` begin with; 0: not whole, or not right. `lines` is
/// overwritten.
std::size_t read_head(std::string_view bytes,
                      request_head& into,
                      meaning& seen,
                      std::vector<field_list::found>& lines) {
    into.clear();
    lines.clear();
    auto const* at = bytes.data();
    auto const* const end = at + bytes.size();
    if (!read_request_line(at, end, into)) {
        return 0;
    }
    auto const* const block = at;
    if (read_fields(at, end, lines, seen) != reading::complete) {
        return 0;
    }
    into.fields.add_lines({block, static_cast<std::size_t>(at - block)}, lines);
    return static_cast<std::size_t>(at - bytes.data());
}

// Of what a client may want to switch to only this is tunnelled: through `h2c`, TLS or a protocol
// that a lenient backend takes for one of them (`h2c;x`) would flow requests that no rule sees.
bool is_tunnelled(std::string_view protocols) {
    return rules::iequals(protocols, "websocket");
}

refusal finish_request(request_head& head, meaning const& seen) {
    auto const framed = frame_request(seen.framing, head.version);
    if (framed.bad) {
        return framed.bad;
    }
    head.body = framed.body;
    head.content_length = framed.length;
    head.host = seen.host;
    if (auto const bad = normalise_target(head, seen.hosts)) {
        return bad;
    }
    head.keep_alive = !seen.close && (head.version >= 11 || seen.keep_alive);
    if (seen.others) {
        drop_nominated(head.fields);
    }
    if (seen.expect && head.version >= 11) {
        if (!rules::iequals(head.fields.joined("Expect").value_or(""), "100-continue")) {
            return {417, "an expectation we do not know"};
        }
        head.expects_continue = head.view().has_body;
    }
    if (seen.upgrade && head.version >= 11 && !head.view().has_body) {
        auto const protocols = head.fields.joined("Upgrade");
        head.upgrade = protocols && is_tunnelled(*protocols);
    }
    return {};
}

}  // namespace

request_parser::step request_parser::parse(std::string_view bytes, request_head& into) {
    std::size_t skipped = 0;
    while (bytes.starts_with("\r\n")) {
        bytes.remove_prefix(2);
        skipped += 2;
    }
    if (bytes.empty()) {
        return {{}, skipped, false};
    }
    meaning seen;
    std::size_t size = 0;
    bool is_usual = false;
    if (!arrives_in_pieces_) {
        size = read_head(bytes, into, seen, lines_);
        is_usual = size != 0 && size <= limits_.max_header &&
                   into.target.size() <= limits_.max_target && into.method.size() <= usual_method;
    }
    if (!is_usual) {
        // Not whole, or not right: line by line it shows which, and why. What comes in pieces is
        // from now on only looked through for its end.
        auto const scanned = scanner_.scan(bytes);
        if (scanned.bad || scanned.size == 0) {
            into.clear();
            arrives_in_pieces_ = true;
            return {scanned.bad, skipped, false};
        }
        scanner_.reset();
        arrives_in_pieces_ = false;
        seen = {};
        size = read_head(bytes.substr(0, scanned.size), into, seen, lines_);
        if (size != scanned.size) {
            return {{400, "not a valid HTTP request head"}, skipped, false};
        }
        if (into.target.size() > limits_.max_target) {
            return {{414, "the target is too long"}, skipped, false};
        }
    }
    if (auto const bad = finish_request(into, seen)) {
        return {bad, skipped, false};
    }
    return {{}, skipped + size, true};
}

}  // namespace sidecache::http
