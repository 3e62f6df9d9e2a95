#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/mutation_exchange.hpp"
#include "proxy/cache/mutation_machine.hpp"
#include "proxy/http/message.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::telemetry {
class recent_mutations;
}

namespace sidecache::cache {

std::string_view name(mutation::outcome o);

/// What is counted of one mutation: each purge that it sets off, or the one line that stands for
/// those that set off none. One worker only.
class mutation_books {
public:
    mutation_books(telemetry::worker_metrics& metrics, rules::mutation_scope const& scope);

    /// A mutation without a purge is counted, and logged once a route: a missing purge must be
    /// visible.
    void begin(http::request_head const& request);
    void forwarded() { forwarded_at_ = boot_clock::now(); }
    void answered(mutation_exchange const& upstream);
    void removed(std::size_t keys);
    /// Its client is answered now. The duration is the invalidation's own: the upstream's part is
    /// not in it.
    void concluded(mutation::machine const& machine, bool owes);

    /// What of it is shown to people; after `concluded`. `outcome`: a literal.
    void show(telemetry::recent_mutations& to,
              http::request_head const& request,
              mutation::machine const& machine,
              std::string_view outcome) const;

    /// "a+b"; empty: unmatched.
    std::string purge_names() const;
    /// One a purge; {""} for unmatched, as the metric's label has it.
    std::vector<std::string> names() const;

private:
    void count(telemetry::purge_phase phase);

    telemetry::worker_metrics& metrics_;
    std::vector<std::size_t> purges_;  // indices into metrics_.purges
    std::vector<std::string> names_;
    boot_clock::time_point began_ = boot_clock::now();
    boot_clock::time_point forwarded_at_{};
    boot_clock::time_point back_at_{};
    std::chrono::nanoseconds own_{0};  // without the upstream's part
    std::size_t removed_ = 0;
};

}  // namespace sidecache::cache
