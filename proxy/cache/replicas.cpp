#include "proxy/cache/replicas.hpp"

#include "proxy/cache/parts.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/telemetry/access_log.hpp"
