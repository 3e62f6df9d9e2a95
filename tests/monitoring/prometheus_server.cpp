#include "tests/monitoring/prometheus_server.hpp"

#include "tests/monitoring/queries.hpp"
#include "tests/support/http_client.hpp"

#include <boost/json/parse.hpp>

#include <charconv>
#include <cstdlib>

namespace sidecache::tests {
namespace {

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return out;
}

/// The port behind `address=127.0.0.1:` in the line in which it says where it listens.
std::uint16_t port_in(std::string const& line) {
    constexpr std::string_view before = "address=127.0.0.1:";
    auto const at = line.find(before);
    std::uint16_t port = 0;
    if (at != std::string::npos) {
        std::from_chars(line.data() + at + before.size(), line.data() + line.size(), port);
    }
    return port;
}

}  // namespace

bool prometheus_server::is_installed() {
    return std::system("command -v prometheus >/dev/null 2>&1") == 0;  // NOLINT
}

prometheus_server::prometheus_server(std::vector<std::uint16_t> const& targets) {
    folder_.write("rules.yaml", monitoring_file("rules.yaml"));
    std::string list;
    for (auto const port : targets) {
        list += (list.empty() ? "" : ", ") + ("\"127.0.0.1:" + std::to_string(port) + "\"");
    }
    auto const file = folder_.write("prometheus.yml",
                                    "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
                                    "rule_files: [rules.yaml]\n"
                                    "scrape_configs:\n"
                                    "  - job_name: sidecache\n"
                                    "    static_configs: [{targets: [" +
                                        list + "], labels: {namespace: shop}}]\n");
    process_.emplace(
        process_options{.argv = {"prometheus",
                                 "--config.file=" + file,
                                 "--storage.tsdb.path=" + (folder_.path() / "data").string(),
                                 "--web.listen-address=127.0.0.1:0"}});
    port_ = port_in(process_->wait_for_line("msg=\"Listening on\""));
    process_->wait_for_line("Server is ready to receive web requests");
}

boost::json::object prometheus_server::get(std::string_view target) const {
    return boost::json::parse(fetch(port_, "GET", target).body).as_object();
}

boost::json::object prometheus_server::query(std::string_view expression) const {
    return get("/api/v1/query?query=" + percent_encoded(expression));
}

std::optional<double> prometheus_server::value(std::string_view expression) const {
    auto const answer = query(expression);
    if (answer.at("status").as_string() != "success") {
        return std::nullopt;
    }
    auto const& result = answer.at("data").as_object().at("result").as_array();
    if (result.size() != 1) {
        return std::nullopt;
    }
    // [time, "value"]
    auto const& text = result[0].as_object().at("value").as_array().at(1).as_string();
    return std::strtod(text.c_str(), nullptr);
}

}  // namespace sidecache::tests
