#pragma once

#include "config/model.hpp"
#include "config/problem.hpp"

#include <boost/url/url_view.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the URLs of the configuration have in common. For url.cpp and store_url.cpp alone.
namespace sidecache::config {

/// Digits alone, 0 to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text);

/// Host and port of a URL, the port as given or the scheme's own. `shown`: the URL as messages may
/// show it.
parsed<endpoint> endpoint_of(boost::urls::url_view const& url,
                             std::string_view shown,
                             std::uint16_t default_port);

/// The URL as messages and logs may show it: a password may stand before an '@', in a query, and,
/// where the '@' was forgotten or what was written is no URL at all, anywhere.
std::string without_credentials(std::string_view text);

/// Boost's views own nothing; what we keep is a copy.
template <class View>
std::string copy(View const& view) {
    return {view.data(), view.size()};
}

}  // namespace sidecache::config
