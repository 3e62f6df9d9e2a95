#include "tests/consistency/cluster.hpp"

#include "tests/support/stack.hpp"

#include <stdexcept>

namespace sidecache::consistency {

namespace {

std::string text(std::chrono::milliseconds t) {
    return std::to_string(t.count()) + "ms";
}

}  // namespace

cluster::cluster(cluster_options options)
    : options_(std::move(options)), redis_(options_.redis_arguments), backend_(options_.products) {
    if (options_.replicas == 0 || options_.replicas > most) {
        throw std::runtime_error("1 to " + std::to_string(most) + " replicas");
    }
    switch (options_.store) {
        case topology::single:
            break;
        case topology::sentinels:
            group_ = std::make_unique<tests::redis_sentinels>();
            break;
        case topology::cluster:
            nodes_ =
                std::make_unique<tests::redis_cluster>(tests::redis_cluster_options{.replicas = 1});
            break;
    }
    for (unsigned i = 0; i < options_.replicas; ++i) {
        links_.emplace_back(redis_.port());
        start(i);
    }
}

void cluster::kill(unsigned i) {
    ports_.at(i) = 0;
    replicas_.at(i)->kill();
}

void cluster::start(unsigned i) {
    replicas_.at(i) = std::make_unique<tests::sidecache_process>(yaml(i), options_.how);
    ports_.at(i) = replicas_.at(i)->port();
}

std::string cluster::yaml(unsigned i) const {
    auto const store = group_   ? group_->url()
                       : nodes_ ? nodes_->url()
                                : "redis://127.0.0.1:" + std::to_string(links_.at(i).port()) + "/0";
    return "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\nlog: {access: {enabled: "
           "false}}\n"
           "workers: 2\n"
           "upstream: {url: \"" +
           backend_.url() + "\", connect_timeout: 300ms, timeout: " + text(upstream_timeout) +
           "}\nstore: {url: \"" + store +
           "\", timeout: 200ms, retry: {attempts: 1}, breaker: {open_for: 200ms}, "
           "on_down: " +
           options_.on_down + ", on_down_hold: 20s, margin: " + text(margin) +
           "}\nnear_cache: {size: " + options_.near_size + ", lease: " + text(lease) + "}\n" +
           tests::open_rules();
}

}  // namespace sidecache::consistency
