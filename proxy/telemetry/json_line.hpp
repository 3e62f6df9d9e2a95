#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// One log line as JSON, put together without a document in between.
namespace sidecache::telemetry {

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Control bytes and DEL are
/// escaped; whatever is not UTF-8 (RFC 3629: also overlong forms, surrogates, more than U+10FFFF)
/// becomes U+FFFD, one for each byte, so that the line is JSON whatever a client has sent.
void append_json_string(std::string& out, std::string_view text);

/// Appends "2025-01-31T12:00:00.123456Z".
void append_time(std::string& out, std::chrono::system_clock::time_point t);

/// `{"time":...,"level":...,"msg":...` and further members; `close` ends it. Reuses `out`.
class json_line {
public:
    json_line(std::string& out,
              std::chrono::system_clock::time_point time,
              std::string_view level,
              std::string_view msg);
    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, std::uint64_t value);
    void integer(std::string_view name, std::int64_t value);
    void boolean(std::string_view name, bool value);
    /// Seconds with six digits: 0.000123.
    void seconds(std::string_view name, std::chrono::nanoseconds value);
    /// 16 lower-case hex digits, as a string: JSON numbers hold 53 bits.
    void hex(std::string_view name, std::uint64_t value);
    std::string_view close();

private:
    void member(std::string_view name);
    std::string& out_;
};

}  // namespace sidecache::telemetry
