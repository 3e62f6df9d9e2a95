#include "proxy/http/message.hpp"
