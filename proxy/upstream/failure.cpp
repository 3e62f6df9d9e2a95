#include "proxy/upstream/exchange.hpp"
