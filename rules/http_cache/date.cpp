#include "rules/http_cache/date.hpp"

#include "rules/request.hpp"

#include <array>
#include <chrono>
#include <cstddef>

namespace sidecache::rules::http_cache {

namespace {

constexpr std::array<std::string_view, 7> days{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t short_day = 3;

/// Takes the pieces of a date off the front of a text; the first that is not there spoils it all.
class date_reader {
public:
    explicit date_reader(std::string_view text) : rest_(text) {}

    void take(std::string_view literal) {
        if (rest_.size() < literal.size() || !iequals(rest_.substr(0, literal.size()), literal)) {
            good_ = false;
            return;
        }
        rest_.remove_prefix(literal.size());
    }
    /// Exactly that many digits.
    int number(std::size_t digits) {
        int n = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            auto const c = i < rest_.size() ? rest_[i] : 'x';
            if (c < '0' || c > '9') {
                good_ = false;
                return 0;
            }
            n = n * 10 + (c - '0');
        }
        rest_.remove_prefix(digits);
        return n;
    }
    /// asctime's day: two places, the first of which may be a space.
    int padded_day() {
        if (rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
            return number(1);
        }
        return number(2);
    }
    unsigned month() {
        for (std::size_t i = 0; i < months.size(); ++i) {
            auto const name = months[i];
            if (iequals(rest_.substr(0, name.size()), name)) {
                rest_.remove_prefix(name.size());
                return static_cast<unsigned>(i + 1);
            }
        }
        good_ = false;
        return 1;
    }
    /// The longest name of a day, whole or its first three letters. True: whole.
    bool day_name() {
        for (auto const name : days) {
            if (iequals(rest_.substr(0, name.size()), name)) {
                rest_.remove_prefix(name.size());
                return true;
            }
        }
        for (auto const name : days) {
            if (iequals(rest_.substr(0, short_day), name.substr(0, short_day))) {
                rest_.remove_prefix(short_day);
                return false;
            }
        }
        good_ = false;
        return false;
    }
    std::chrono::seconds time_of_day() {
        auto const h = number(2);
        take(":");
        auto const m = number(2);
        take(":");
        auto const s = number(2);
        good_ = good_ && h < 24 && m < 60 && s <= 60;
        return std::chrono::hours(h) + std::chrono::minutes(m) + std::chrono::seconds(s);
    }
    bool starts_with(std::string_view text) const { return rest_.starts_with(text); }
    bool is_good() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

struct civil {
    int year = 1970;
    unsigned month = 1;
    int day = 1;
    std::chrono::seconds time{0};
};

std::optional<unix_seconds> at(civil const& c) {
    std::chrono::year_month_day const date{std::chrono::year(c.year),
                                           std::chrono::month(c.month),
                                           std::chrono::day(static_cast<unsigned>(c.day))};
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::seconds(std::chrono::sys_days(date).time_since_epoch()).count() +
           c.time.count();
}

/// "a timestamp that appears to be more than 50 years in the future" is the most recent year in
/// the past with the same last two digits.
int full_year(int two_digits, unix_seconds now) {
    std::chrono::sys_days const today(
        std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(now))));
    int const this_year = static_cast<int>(std::chrono::year_month_day(today).year());
    int const year = this_year - this_year % 100 + two_digits;
    return year > this_year + 50 ? year - 100 : year;
}

}  // namespace

std::optional<unix_seconds> read_date(std::string_view text, unix_seconds now) {
    date_reader reader(text);
    civil c;
    bool const whole_day = reader.day_name();
    if (whole_day) {  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
        reader.take(", ");
        c.day = reader.number(2);
        reader.take("-");
        c.month = reader.month();
        reader.take("-");
        c.year = full_year(reader.number(2), now);
        reader.take(" ");
        c.time = reader.time_of_day();
        reader.take(" GMT");
    } else if (reader.starts_with(",")) {  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
        reader.take(", ");
        c.day = reader.number(2);
        reader.take(" ");
        c.month = reader.month();
        reader.take(" ");
        c.year = reader.number(4);
        reader.take(" ");
        c.time = reader.time_of_day();
        reader.take(" GMT");
    } else {  // asctime: Sun Nov  6 08:49:37 1994
        reader.take(" ");
        c.month = reader.month();
        reader.take(" ");
        c.day = reader.padded_day();
        reader.take(" ");
        c.time = reader.time_of_day();
        reader.take(" ");
        c.year = reader.number(4);
    }
    return reader.is_good() ? at(c) : std::nullopt;
}

}  // namespace sidecache::rules::http_cache
