#include "proxy/http/message.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sidecache::http {

namespace {

[[maybe_unused]] bool holds_line_break(std::string_view s) {
    return s.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Most names differ in their size or first letter.
bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && !a.empty() && lower(a.front()) == lower(b.front()) &&
           rules::iequals(a, b);
}

bool comes_before(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) < lower(y); });
}

}  // namespace

field_list::field_list(field_list&& other) noexcept
    : text_(std::move(other.text_)), slices_(std::move(other.slices_)) {
    other.clear();
}

field_list& field_list::operator=(field_list const& other) {
    if (this != &other) {
        text_ = other.text_;
        slices_ = other.slices_;
        views_valid_ = false;
    }
    return *this;
}

field_list& field_list::operator=(field_list&& other) noexcept {
    if (this != &other) {
        text_ = std::move(other.text_);
        slices_ = std::move(other.slices_);
        views_valid_ = false;
        other.clear();
    }
    return *this;
}

void field_list::clear() {
    text_.clear();
    slices_.clear();
    views_valid_ = false;
}

void field_list::add(std::string_view name, std::string_view value) {
    assert(!name.empty() && !holds_line_break(name) && !holds_line_break(value) &&
           "whoever adds a field has checked it: anything else splits the message");
    auto const at = static_cast<std::uint32_t>(text_.size());
    text_.append(name).append(": ", 2).append(value).append("\r\n", 2);
    slices_.push_back(
        {at, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
    views_valid_ = false;
}

void field_list::add_lines(std::string_view block, std::span<found const> lines) {
    auto const at = static_cast<std::uint32_t>(text_.size());
    text_.append(block);
    slices_.reserve(slices_.size() + lines.size());
    for (auto const& f : lines) {
        assert(block[f.name + f.name_size] == ':' && "a name ends in a colon");
        // As nearly every server writes it; others are written anew, behind the block.
        bool const is_plain = f.value == f.name + f.name_size + 2 && block[f.value - 1] == ' ' &&
                              block[f.value + f.value_size] == '\r';
        if (is_plain) {
            slices_.push_back({at + f.name, f.name_size, f.value_size});
        } else {
            add(block.substr(f.name, f.name_size), block.substr(f.value, f.value_size));
        }
    }
    views_valid_ = false;
}

std::size_t field_list::erase(std::string_view name) {
    // The text stays behind until `clear`: a head lives for one message.
    auto const gone =
        std::erase_if(slices_, [&](slice const& s) { return same_name(s.name_in(text_), name); });
    if (gone != 0) {
        views_valid_ = false;
    }
    return gone;
}

void field_list::erase_all(std::vector<std::string> names) {
    // Sorted: a head of thousands of names and thousands of fields must not cost millions of
    // comparisons.
    std::sort(names.begin(), names.end(), comes_before);
    erase_if([&](std::string_view name) {
        return std::binary_search(names.begin(), names.end(), name, comes_before);
    });
}

void field_list::set(std::string_view name, std::string_view value) {
    erase(name);
    add(name, value);
}

std::optional<std::string_view> field_list::find(std::string_view name) const {
    std::string_view const text = text_;
    for (auto const& s : slices_) {
        if (same_name(s.name_in(text), name)) {
            return s.value_in(text);
        }
    }
    return std::nullopt;
}

std::optional<std::string> field_list::joined(std::string_view name) const {
    std::optional<std::string> all;
    for_each([&](std::string_view present, std::string_view value) {
        if (!same_name(present, name)) {
            return;
        }
        if (all) {
            all->append(", ").append(value);
        } else {
            all.emplace(value);
        }
    });
    return all;
}

std::size_t field_list::count(std::string_view name) const {
    std::size_t found = 0;
    for_each([&](std::string_view present, std::string_view) {
        found += same_name(present, name) ? 1U : 0U;
    });
    return found;
}

std::span<rules::field const> field_list::all() const {
    if (!views_valid_) {
        std::string_view const text = text_;
        views_.clear();
        for (auto const& s : slices_) {
            views_.push_back({s.name_in(text), s.value_in(text)});
        }
        views_valid_ = true;
    }
    return views_;
}

void field_list::write_to(std::string& out) const {
    for_each_run([&](std::string_view lines) { out.append(lines); });
}

rules::request request_head::view() const {
    rules::request r;
    r.method = method;
    r.target = target;
    r.host = host;
    r.fields = fields.all();
    r.has_body = has_content();
    return r;
}

void request_head::clear() {
    method.clear();
    target.clear();
    host.clear();
    version = 11;
    fields.clear();
    body = framing::none;
    content_length = 0;
    keep_alive = true;
    expects_continue = false;
    upgrade = false;
}

void response_head::clear() {
    status = 0;
    reason.clear();
    version = 11;
    fields.clear();
    body = framing::none;
    content_length = 0;
    keep_alive = true;
    announces_content = false;
}

}  // namespace sidecache::http
