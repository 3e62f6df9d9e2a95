#pragma once

#include "proxy/admin/answer.hpp"

namespace sidecache::admin {

/// `GET /`: one self-contained page for people, which fetches `/stats` every two seconds. Its
/// Content-Security-Policy allows its own style, its own script (by their hashes) and that fetch,
/// nothing else; whatever `/stats` says is written as text, never as markup.
answer status_page();

}  // namespace sidecache::admin
