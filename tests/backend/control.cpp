#include "tests/backend/control.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <optional>
#include <variant>

namespace backend {
namespace json = boost::json;
namespace {

std::variant<fault, std::string> parse_fault(std::string_view body) {
    boost::system::error_code ec;
    auto const v = json::parse(body, ec);
    if (ec || !v.is_object()) {
        return "not a JSON object";
    }
    fault f;
    for (auto const& [name, value] : v.as_object()) {
        bool ok = true;
        if (name == "method" && value.is_string()) {
            f.method = json::value_to<std::string>(value);
        } else if (name == "path" && value.is_string()) {
            f.path = json::value_to<std::string>(value);
        } else if (name == "when" && value.is_string()) {
            ok = value == "before" || value == "after";
            f.when = value == "after" ? fault::moment::after : fault::moment::before;
        } else if (name == "then" && value.is_string()) {
            using enum fault::ending;
            std::pair<std::string_view, fault::ending> const endings[] = {{"answer", answer},
                                                                          {"hang", hang},
                                                                          {"reset", reset},
                                                                          {"status", status},
                                                                          {"truncate", truncate}};
            ok = false;
            for (auto const& [text, ending] : endings) {
                if (value.as_string() == text) {
                    f.then = ending;
                    ok = true;
                }
            }
        } else if (name == "hold" && value.is_bool()) {
            f.hold = value.as_bool();
        } else if (name == "delayMs" && value.is_int64()) {
            f.delay = std::chrono::milliseconds(value.as_int64());
        } else if (name == "status" && value.is_int64()) {
            f.status = static_cast<int>(value.as_int64());
        } else if (name == "body" && value.is_object()) {
            f.body = json::serialize(value);
        } else if (name == "fields" && value.is_object()) {
            for (auto const& [field, content] : value.as_object()) {
                ok = ok && content.is_string();
                f.fields.emplace_back(field, ok ? json::value_to<std::string>(content) : "");
            }
        } else if (name == "times" && value.is_int64()) {
            f.times = value.as_int64();
        } else if (name == "rate" && value.is_number()) {
            f.rate = value.to_number<double>();
        } else {
            ok = false;
        }
        if (!ok) {
            return "no such setting, or a wrong value: " + std::string(name);
        }
    }
    return f;
}

response done() {
    return {.status = 204};
}

json::array row(commit_record const& c) {
    return {c.number,
            c.product,
            c.version,
            c.organization,
            c.schema,
            c.price_cents,
            c.began_ns,
            c.done_ns};
}

}  // namespace

json::array control::commits(request const& r) {
    constexpr std::int64_t at_once = 10'000;
    auto const after = parse_id(r.parameter("after").value_or("0")).value_or(0);
    json::array out;
    for (auto const& c : data_.commits(after, at_once)) {
        out.push_back(row(c));
    }
    return out;
}

response control::handle(request const& r) {
    auto const what = r.method + " " + r.path;
    if (what == "GET /counters") {
        return {.body = json::serialize(journal_.counters())};
    }
    if (what == "DELETE /counters") {
        journal_.clear();
        return done();
    }
    if (what == "GET /requests") {
        return {.body = json::serialize(journal_.requests())};
    }
    if (what == "POST /faults") {
        auto f = parse_fault(r.body);
        if (auto const* const why = std::get_if<std::string>(&f)) {
            return problem(422, *why);
        }
        faults_.add(std::move(std::get<fault>(f)));
        return done();
    }
    if (what == "DELETE /faults") {
        faults_.clear();
        return done();
    }
    if (what == "POST /release") {
        faults_.release(std::string(r.parameter("method").value_or("")));
        return done();
    }
    if (what == "GET /held") {
        auto const at_least = parse_id(r.parameter("atLeast").value_or("0")).value_or(0);
        bool const enough =
            faults_.wait_held(static_cast<std::size_t>(at_least), std::chrono::seconds(20));
        json::object o;
        o["held"] = faults_.held();
        return {.status = enough ? 200 : 408, .body = json::serialize(o)};
    }
    if (what == "POST /seed") {
        auto const products = parse_id(r.parameter("products").value_or("0"));
        if (!products) {
            return problem(422, "products must be a number");
        }
        data_.seed(*products);
        return done();
    }
    if (what == "GET /commits") {
        return {.body = json::serialize(commits(r))};
    }
    if (what == "PUT /validated") {
        validated_ = r.parameter("on") == "1";
        return done();
    }
    if (what == "PUT /gzip") {
        gzip_ = r.parameter("on") == "1";
        return done();
    }
    return problem(404, "the control port knows nothing at this path");
}

}  // namespace backend
