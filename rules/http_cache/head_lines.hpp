#pragma once

#include "rules/request.hpp"

#include <string_view>
#include <vector>

namespace sidecache::rules::http_cache {

/// The field lines of a stored head ("HTTP/1.1 200 OK\r\n" and "Name: value\r\n" each, without the
/// empty line) as views, into `out`, whose capacity is reused.
void read_head_lines(std::string_view head, std::vector<field>& out);

}  // namespace sidecache::rules::http_cache
