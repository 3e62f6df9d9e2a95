#include "proxy/http/response_parser.hpp"

#include "proxy/http/field_lines.hpp"
#include "proxy/http/hop_by_hop.hpp"

namespace sidecache::http {

namespace {

/// "HTTP/1.1 200 " and the shortest line's end.
constexpr std::ptrdiff_t shortest_line = 15;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 section 4).
reading read_status_line(char const*& at, char const* end, response_head& into) {
    if (end - at < shortest_line) {
        return reading::incomplete;
    }
    bool const is_line = std::memcmp(at, "HTTP/1.", 7) == 0 && (at[7] == '0' || at[7] == '1') &&
                         at[8] == ' ' && is_digit(at[9]) && is_digit(at[10]) && is_digit(at[11]) &&
                         at[12] == ' ';
    if (!is_line) {
        return reading::malformed;
    }
    into.version = at[7] == '1' ? 11 : 10;
    into.status = static_cast<unsigned>((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    if (into.status < 100 || into.status > 599) {
        return reading::malformed;
    }
    at += 13;
    auto const* const reason = at;
    char const* reason_end = nullptr;
    auto const how = read_text(at, end, reason_end);
    if (how == reading::complete) {
        into.reason.assign(reason, reason_end);
    }
    return how;
}

/// What the fields say of the connection and the content.
struct meaning {
    framing_fields framing;
    bool lengths_equal = true;
    bool has_hop_fields = false;
    bool close = false;
    bool keep_alive = false;
    bool well_formed = true;

    /// Whether it is kept as a field.
    bool takes(std::string_view name, std::string_view value);

private:
    /// In an answer nobody understands it is not known what the connection is good for.
    void read_options(std::string_view list);
};

void meaning::read_options(std::string_view list) {
    well_formed = for_each_option(list,
                                  [&](std::string_view option) {
                                      close = close || rules::iequals(option, "close");
                                      keep_alive =
                                          keep_alive || rules::iequals(option, "keep-alive");
                                  }) &&
                  well_formed;
}

bool meaning::takes(std::string_view name, std::string_view value) {
    if (name.size() == 14 && rules::iequals(name, "Content-Length")) {
        if (framing.content_lengths++ == 0) {
            framing.content_length = value;
        } else {
            lengths_equal = lengths_equal && framing.content_length == value;
        }
        return false;
    }
    if (!is_hop_by_hop(name)) {
        return true;
    }
    if (rules::iequals(name, "Transfer-Encoding")) {
        if (framing.transfer_encodings++ == 0) {
            framing.transfer_encoding = value;
        }
        return false;
    }
    has_hop_fields = true;
    if (rules::iequals(name, "Connection")) {
        read_options(value);
    } else if (rules::iequals(name, "Proxy-Connection")) {
        meaning other;
        other.read_options(value);
        well_formed = well_formed && other.well_formed;
    }
    return true;
}

}  // namespace

response_parser::step response_parser::parse(std::string_view bytes, response_head& into) {
    if (bytes.empty()) {
        return {};
    }
    if (!arrives_in_pieces_) {
        auto const whole = read(bytes, into);
        if (whole.malformed || whole.complete) {
            return whole;
        }
        arrives_in_pieces_ = true;
    }
    // From now on only its end is looked for, and each byte once: a head that comes byte by byte
    // must not be read from its beginning as often as it has bytes.
    auto const scanned = scanner_.scan(bytes);
    if (scanned.bad) {
        return {true};
    }
    if (scanned.size == 0) {
        return {};
    }
    reset();
    auto const read_again = read(bytes.substr(0, scanned.size), into);
    return read_again.complete ? read_again : step{true};
}

response_parser::step response_parser::read(std::string_view bytes, response_head& into) {
    into.clear();
    lines_.clear();
    auto const* at = bytes.data();
    auto const* const end = at + bytes.size();
    auto how = read_status_line(at, end, into);
    auto const* const block = at;
    meaning seen;
    if (how == reading::complete) {
        how = read_fields(at, end, lines_, seen);
    }
    if (how != reading::complete) {
        return {how == reading::malformed};
    }
    auto const size = static_cast<std::size_t>(at - bytes.data());
    auto const framed = frame_response(seen.framing, into.version, into.status, seen.lengths_equal);
    if (framed.malformed || size > max_header_) {
        return {true};
    }
    into.body = framed.body;
    into.content_length = framed.length;
    into.announces_content = seen.framing.transfer_encodings != 0 || framed.length != 0 ||
                             (seen.framing.content_lengths != 0 &&
                              parse_content_length(seen.framing.content_length).value_or(0) != 0);
    if (into.announces_content && into.status / 100 == 1) {
        return {true};  // is what follows its content, or the answer?
    }
    into.keep_alive = !seen.close && (into.version >= 11 || seen.keep_alive);
    into.fields.add_lines({block, static_cast<std::size_t>(at - block)}, lines_);
    return {false, size, true, seen.has_hop_fields};
}

}  // namespace sidecache::http
