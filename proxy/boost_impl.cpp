// Asio and Beast, compiled once: the *_SEPARATE_COMPILATION macros of sidecache_boost keep their
// implementation out of every other file.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
