#include "tests/support/scripted_store.hpp"

#include <algorithm>

namespace sidecache::test {

namespace {

std::string listed(rules::tag_list const* tags) {
    std::string out = "[";
    for (std::size_t i = 0; tags != nullptr && i < tags->size(); ++i) {
        out.append(i == 0 ? "" : " ").append((*tags)[i]);
    }
    return out + "]";
}

}  // namespace

scripted_store::scripted_store(executor ex) : executor_(ex) {
    on_read.otherwise = [this](std::string_view, rules::tag_list const& tags) {
        stores::reading r{by(), nullptr, {}};
        for (std::size_t i = 0; i < tags.size(); ++i) {
            auto& tag = r.tags.emplace_back();
            tag.present = true;
            tag.gen = generation_of(tags[i]);
        }
        return result<stores::reading>(std::move(r));
    };
    on_begin_fill.otherwise = [this](stores::fill_request const& asked) {
        stores::fill_ground g;
        g.by = by();
        for (std::size_t i = 0; asked.tags != nullptr && i < asked.tags->size(); ++i) {
            auto& tag = g.tags.emplace_back();
            tag.present = true;
            tag.gen = generation_of((*asked.tags)[i]);
        }
        g.lock = asked.lock_key.empty() ? stores::lock_state::none : stores::lock_state::acquired;
        return result<stores::fill_ground>(std::move(g));
    };
    on_put.otherwise = [](stores::put_request const&) { return result<void>(); };
    on_release_lock.otherwise = [](std::string_view) { return result<void>(); };
    on_extend_lock.otherwise = [](std::string_view) { return result<bool>(true); };
    on_lock_held.otherwise = [](std::string_view) { return result<bool>(false); };
    on_begin.otherwise = [this](std::span<stores::begin_mark const> marks) {
        stores::begun b;
        b.by = by();
        for (auto const& m : marks) {
            b.tags.push_back({generation_of(m.tag), false});
        }
        return result<stores::begun>(std::move(b));
    };
    on_end.otherwise = [this](std::span<stores::end_mark const> marks) {
        stores::ended e;
        e.by = by();
        e.had_mark.assign(marks.size(), true);
        for (auto const& m : marks) {
            e.after.push_back(generation_of(m.tag));
        }
        return result<stores::ended>(std::move(e));
    };
    on_verify.otherwise = [] { return result<void>(); };
    on_publish.otherwise = [](std::string_view) { return result<void>(); };
    on_publish_drop.otherwise = [](std::string_view) { return stores::audience(); };
}

std::size_t scripted_store::count(std::string_view command) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](std::string_view line) {
            return line.substr(0, line.find(' ')) == command;
        }));
}

std::shared_ptr<scripted_store::gate> scripted_store::hold(std::string command) {
    auto g = std::make_shared<gate>(executor_);
    gates_.emplace_back(std::move(command), g);
    return g;
}

task<void> scripted_store::gate::pass() {
    reached = true;
    while (!open_) {
        co_await opened_.wait();
    }
}

stores::answered_by scripted_store::by() const {
    return {identity, boot_clock::now(), system_now_ms()};
}

stores::generation scripted_store::generation_of(std::string_view tag) {
    return {0x9e, std::hash<std::string_view>{}(tag)};
}

task<void> scripted_store::enter(std::string_view command, std::string line) {
    calls.push_back(std::string(command).append(line.empty() ? "" : " ").append(line));
    auto const at = std::find_if(
        gates_.begin(), gates_.end(), [&](auto const& g) { return g.first == command; });
    if (at == gates_.end()) {
        co_return;
    }
    auto const door = at->second;
    gates_.erase(at);
    co_await door->pass();
}

task<result<stores::reading>> scripted_store::read(std::string_view key,
                                                   rules::tag_list const& tags) {
    co_await enter("read", std::string(key).append(" ").append(listed(&tags)));
    co_return on_read.answer_to(key, tags);
}

task<result<stores::fill_ground>> scripted_store::begin_fill(stores::fill_request const& r) {
    auto line = std::string(r.key).append(" ").append(listed(r.tags));
    if (!r.lock_key.empty()) {
        line.append(" lock ").append(r.lock_key);
    }
    co_await enter("begin_fill", std::move(line));
    co_return on_begin_fill.answer_to(r);
}

task<result<void>> scripted_store::put(stores::put_request const& r) {
    co_await enter("put", std::string(r.key).append(" ").append(listed(r.tags)));
    co_return on_put.answer_to(r);
}

task<result<void>> scripted_store::release_lock(std::string_view lock_key,
                                                stores::id128,
                                                stores::fill_outcome outcome) {
    co_await enter("release_lock", std::string(lock_key).append(" ").append(name(outcome)));
    co_return on_release_lock.answer_to(lock_key);
}

task<result<bool>> scripted_store::extend_lock(std::string_view lock_key,
                                               stores::id128,
                                               std::chrono::milliseconds) {
    co_await enter("extend_lock", std::string(lock_key));
    co_return on_extend_lock.answer_to(lock_key);
}

task<result<bool>> scripted_store::lock_held(std::string_view lock_key) {
    co_await enter("lock_held", std::string(lock_key));
    co_return on_lock_held.answer_to(lock_key);
}

task<result<stores::begun>> scripted_store::begin(stores::mutation_id,
                                                  std::span<stores::begin_mark const> marks,
                                                  std::chrono::milliseconds life,
                                                  std::chrono::milliseconds) {
    begin_life = life;
    std::string line;
    for (auto const& m : marks) {
        line.append(line.empty() ? "[" : " [").append(1, static_cast<char>(m.kind));
        line.append(" ").append(m.tag).append("]");
    }
    co_await enter("begin", std::move(line));
    co_return on_begin.answer_to(marks);
}

task<result<stores::ended>> scripted_store::end(stores::mutation_id,
                                                std::span<stores::end_mark const> marks,
                                                std::chrono::milliseconds life,
                                                std::chrono::milliseconds) {
    end_life = life;
    std::string line;
    for (auto const& m : marks) {
        line.append(line.empty() ? "[" : " [").append(1, static_cast<char>(m.action));
        line.append(" ").append(m.tag).append("]");
    }
    co_await enter("end", std::move(line));
    co_return on_end.answer_to(marks);
}

task<result<void>> scripted_store::verify() {
    co_await enter("verify", {});
    co_return on_verify.answer_to();
}

task<result<void>> scripted_store::publish(std::string_view payload) {
    co_await enter("publish", std::string(payload));
    co_return on_publish.answer_to(payload);
}

task<result<stores::audience>> scripted_store::publish_drop(std::string_view payload) {
    co_await enter("publish_drop", {});
    co_return on_publish_drop.answer_to(payload);
}

task<std::size_t> scripted_store::dismiss(std::span<stores::near_member const> silent) {
    for (auto const& m : silent) {
        co_await enter("dismiss", m.id);
    }
    co_return silent.size();
}

}  // namespace sidecache::test
