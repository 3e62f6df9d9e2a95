#pragma once

#include <string>
#include <vector>

/// What k8s/monitoring asks of Prometheus.
namespace sidecache::tests {

struct query {
    std::string where;  ///< the alert, the recorded series, the panel
    std::string expression;
};

struct alert {
    std::string name, expression, severity, summary, description, runbook;
};

std::string monitoring_file(std::string const& name);

std::vector<query> recorded_series();
std::vector<alert> alerts();

/// Every query of the dashboard's panels and annotations as Grafana would send it with everything
/// selected.
std::vector<query> dashboard_queries();
/// ... and what fills its variables: label_values(SERIES, LABEL) as a query of SERIES, the label in
/// `where`.
std::vector<query> dashboard_variables();

/// Why a query is about something that does not exist: no such metric, no such label. Empty: it is
/// about what this program exposes, or what is recorded from that.
std::vector<std::string> unknown_names(std::string const& expression);

}  // namespace sidecache::tests
