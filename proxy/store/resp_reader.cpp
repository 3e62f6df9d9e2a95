#include "proxy/store/resp_reader.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace sidecache::store {

namespace {

/// What is read at once at most, short of a longer reply.
constexpr std::size_t chunk_size = 64ULL * 1024;
/// At least that much room before each read.
constexpr std::size_t least_room = 4ULL * 1024;
/// A text that announces itself as larger gets its memory bit by bit, as it comes.
constexpr std::size_t believed_size = 1ULL << 20;
/// What a recycled set may keep.
constexpr std::size_t kept_nodes = 4ULL * 1024;
/// Of any number on the wire, with its sign.
constexpr std::ptrdiff_t most_digits = 20;
/// Of a number that needs no thought of its limits.
constexpr std::ptrdiff_t short_number = 9;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// A number as Redis writes it: no "+", no leading zero, no "-0", within 64 bits.
bool read_number(char const* from, char const* to, std::int64_t& out) {
    bool const is_negative = from != to && *from == '-';
    auto const* at = is_negative ? from + 1 : from;
    if (at == to || to - from > most_digits || (*at == '0' && to - from > 1)) {
        return false;
    }
    std::uint64_t v = 0;
    for (; at != to; ++at) {
        auto const digit = static_cast<unsigned char>(*at - '0');
        // Of 19 digits none overflows; the twentieth is looked at below.
        if (digit > 9 || v > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (v > most + (is_negative ? 1U : 0U)) {
        return false;
    }
    out = static_cast<std::int64_t>(is_negative ? 0 - v : v);
    return true;
}

}  // namespace

void reply_set::clear() {
    nodes_.clear();
    tops_.clear();
    held_.clear();
    if (nodes_.capacity() > kept_nodes) {
        nodes_.shrink_to_fit();
    }
}

std::shared_ptr<std::string const> reply::shared_text() const {
    return is_text() ? std::make_shared<std::string const>(text()) : nullptr;
}

held_text reply::held() const {
    if (!is_text()) {
        return nullptr;
    }
    auto const bytes = text();
    for (auto const& chunk : set_->held_) {
        if (chunk->contains(bytes.data())) {
            return chunk->is_one_of_many() ? held_text(shared_text()) : held_text(chunk, bytes);
        }
    }
    return shared_text();
}

resp_reader::resp_reader(resp_limits limits)
    : chunk_(std::make_shared<receive_chunk>(chunk_size, count_)), limits_(limits) {}

/// How much memory what has come of an element, and is to come, should have.
std::size_t resp_reader::needed() const {
    auto const have = end_ - at_;
    auto const believed = std::min(whole_, std::max(believed_size, 2 * have));
    return std::max(have + least_room, believed);
}

std::span<char> resp_reader::prepare() {
    auto const have = end_ - at_;
    auto const need = needed();
    bool const is_ours = chunk_.use_count() == 1;
    bool const is_spent = have == 0 && chunk_->size() > chunk_size;
    if (is_ours && !is_spent && have < least_room && need <= chunk_->size()) {
        // The front again: it is warm, and there is the most room.
        std::memmove(chunk_->data(), chunk_->data() + at_, have);
        at_ = 0;
        end_ = have;
    } else if (is_spent || at_ + need > chunk_->size()) {
        auto next = std::make_shared<receive_chunk>(std::max(need, chunk_size), count_);
        std::memcpy(next->data(), chunk_->data() + at_, have);
        chunk_ = std::move(next);
        at_ = 0;
        end_ = have;
    }
    return {chunk_->data() + end_, chunk_->size() - end_};
}

resp_reader::status resp_reader::next(reply_set& into) {
    if (is_broken_) {
        return status::broken;
    }
    auto state = status::complete;
    do {
        bool const is_element = left_ > 0;
        if (is_element && take_whole_texts(into)) {
            break;
        }
        state = take(into);
        left_ -= is_element && state == status::complete ? 1U : 0U;
    } while (state == status::complete && left_ > 0);
    is_broken_ =
        state == status::broken || (state == status::partial && end_ - at_ > limits_.bytes);
    return is_broken_ ? status::broken : state;
}

/// Takes the elements of an array that are texts and all there: what an MGET brings is nothing but
/// these. True: the array is complete. Whatever is out of the ordinary is left to `take`.
bool resp_reader::take_whole_texts(reply_set& into) {
    auto const* const from = chunk_->data() + at_;
    auto const* const end = chunk_->data() + end_;
    auto const* at = from;
    while (left_ > 0 && end - at > short_number + 3 && at[0] == '$' && at[1] != '0') {
        std::int64_t size = 0;
        auto const* text = at + 1;
        while (text - at <= short_number && is_digit(*text)) {
            size = size * 10 + (*text++ - '0');
        }
        if (text == at + 1 || text[0] != '\r' || text[1] != '\n') {
            break;
        }
        text += 2;
        if (end - text < size + 2 || text[size] != '\r' || text[size + 1] != '\n' ||
            static_cast<std::uint64_t>(size) > limits_.bytes) {
            break;
        }
        into.nodes_.push_back({reply_set::kind::text, size, text});
        at = text + size + 2;
        --left_;
    }
    if (at != from) {
        hold(into);
        at_ += static_cast<std::size_t>(at - from);
        looked_ = 0;
        whole_ = 0;
    }
    return left_ == 0;
}

/// A reply, an element of an array, or the head of an array.
resp_reader::status resp_reader::take(reply_set& into) {
    using kind = reply_set::kind;
    if (at_ == end_) {
        return status::partial;
    }
    switch (chunk_->data()[at_]) {
        case '$':
            return take_bulk(into);
        case '*':
            return take_array(into);
        case ':':
            return take_integer(into);
        case '+':
            return take_line(into, kind::status);
        case '-':
            return take_line(into, kind::error);
        default:
            return status::broken;
    }
}

resp_reader::status resp_reader::take_integer(reply_set& into) {
    auto const n = number();
    if (n.state == status::complete) {
        at_ += n.line;
        add(into, {reply_set::kind::integer, n.value, nullptr});
    }
    return n.state;
}

resp_reader::status resp_reader::take_line(reply_set& into, reply_set::kind what) {
    auto const* const end = line_end();
    if (end == nullptr) {
        return status::partial;
    }
    auto const* const text = chunk_->data() + at_ + 1;
    at_ += static_cast<std::size_t>(end - text) + 3;
    hold(into);
    add(into, {what, end - text, text});
    return status::complete;
}

resp_reader::status resp_reader::take_bulk(reply_set& into) {
    auto const size = number();
    if (size.state != status::complete) {
        return size.state;
    }
    if (size.value == -1) {
        at_ += size.line;
        add(into, {});
        return status::complete;
    }
    if (size.value < 0 || static_cast<std::uint64_t>(size.value) > limits_.bytes) {
        return status::broken;
    }
    auto const whole = size.line + static_cast<std::size_t>(size.value) + 2;
    if (end_ - at_ < whole) {
        whole_ = whole;
        return status::partial;
    }
    auto const* const text = chunk_->data() + at_ + size.line;
    if (text[size.value] != '\r' || text[size.value + 1] != '\n') {
        return status::broken;  // its length was not its length
    }
    at_ += whole;
    whole_ = 0;
    hold(into);
    add(into, {reply_set::kind::text, size.value, text});
    return status::complete;
}

resp_reader::status resp_reader::take_array(reply_set& into) {
    auto const size = number();
    if (size.state != status::complete) {
        return size.state;
    }
    bool const is_nil = size.value == -1;
    bool const is_inside = left_ > 0;
    if (!is_nil && (is_inside || size.value < 0 ||
                    static_cast<std::uint64_t>(size.value) > limits_.elements)) {
        return status::broken;
    }
    at_ += size.line;
    if (is_nil) {
        add(into, {});
    } else {
        add(into, {reply_set::kind::array, size.value, nullptr});
        left_ = static_cast<std::size_t>(size.value);
    }
    return status::complete;
}

/// The number behind a type.
resp_reader::numbered resp_reader::number() {
    auto const* const from = chunk_->data() + at_ + 1;
    auto const* const end = chunk_->data() + end_;
    // Nearly every one is a size of a few digits, and all of it is there.
    if (end - from > short_number + 2 && *from != '0') {
        std::int64_t v = 0;
        auto const* at = from;
        while (at - from < short_number && is_digit(*at)) {
            v = v * 10 + (*at++ - '0');
        }
        if (at != from && at[0] == '\r' && at[1] == '\n') {
            looked_ = 0;
            return {status::complete, v, static_cast<std::size_t>(at - from) + 3};
        }
    }
    auto const* const at = line_end();
    if (at == nullptr) {
        return {};
    }
    numbered n{status::complete, 0, static_cast<std::size_t>(at - from) + 3};
    if (!read_number(from, at, n.value)) {
        n.state = status::broken;
    }
    return n;
}

/// The CR of the CR LF that ends the line begun; null: it has not come yet. A CR or LF by itself is
/// a byte like others.
char const* resp_reader::line_end() {
    auto const* const from = chunk_->data() + at_ + 1;
    auto const* const end = chunk_->data() + end_;
    for (auto const* at = from + looked_; at != end; ++at) {
        at = static_cast<char const*>(std::memchr(at, '\r', static_cast<std::size_t>(end - at)));
        if (at == nullptr || at + 1 == end) {
            // A CR at the very end is looked at again, with what follows it.
            looked_ = static_cast<std::size_t>((at == nullptr ? end : at) - from);
            return nullptr;
        }
        if (at[1] == '\n') {
            looked_ = 0;
            return at;
        }
    }
    return nullptr;
}

void resp_reader::add(reply_set& into, reply_set::node n) const {
    if (left_ == 0) {
        into.tops_.push_back(static_cast<std::uint32_t>(into.nodes_.size()));
    }
    into.nodes_.push_back(n);
}

void resp_reader::hold(reply_set& into) const {
    if (into.held_.empty() || into.held_.back() != chunk_) {
        into.held_.push_back(chunk_);
    }
}

}  // namespace sidecache::store
