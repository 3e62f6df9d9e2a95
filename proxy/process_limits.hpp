#pragma once

#include <cstddef>

/// What the process asks of the operating system for itself, before there is a second thread.
namespace sidecache {

/// Connections are descriptors: the soft limit of 1024 would be ours, too. How many clients may be
/// connected at once: a quarter of the descriptors stays for the backend, the store and the admin
/// port, so that clients who wait cost nobody else his answer.
std::size_t raise_descriptor_limit(std::size_t max_connections);

/// A core file would hold every credential and every response in memory, and so does what another
/// process of the same user can read through ptrace and /proc. For who has to look inside:
/// SIDECACHE_CORE_DUMPS=1.
void hide_memory();

}  // namespace sidecache
