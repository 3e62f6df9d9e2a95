#include "proxy/telemetry/metrics.hpp"
