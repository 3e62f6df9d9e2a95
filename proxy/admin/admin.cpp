#include "proxy/cache/parts.hpp"
