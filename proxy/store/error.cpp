#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"
