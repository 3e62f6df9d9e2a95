#include "proxy/cache/replicas.hpp"

#include "proxy/cache/mutate.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/telemetry/access_log.hpp"
