#include "proxy/admin/admin.hpp"

#include "proxy/http/downstream.hpp"
