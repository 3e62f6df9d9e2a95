#include "config/store_reader.hpp"

#include "config/url.hpp"

#include <string>
#include <utility>

namespace sidecache::config {
namespace {

void read_url(section& s, store& out) {
    store_url url;
    url.address = out.address;
    url.description = out.description;
    s.value<store_url>("url", url, parse_store_url);
    out.what = url.what;
    out.address = std::move(url.address);
    out.sentinel_addresses = std::move(url.sentinels);
    out.master_name = std::move(url.master_name);
    out.cluster_seeds = std::move(url.cluster_seeds);
    out.path = std::move(url.path);
    out.user = std::move(url.user);
    out.password = std::move(url.password);
    out.is_tls = url.is_tls;
    out.database = url.database;
    out.description = std::move(url.description);
}

/// One password, from one place.
void read_password_file(section& s, store& out) {
    s.text("password_file", out.password_file);
    auto const* url = s.find("url");
    auto const at = url != nullptr ? url->at : s.at();
    if (!out.password.empty() && !out.password_file.empty()) {
        s.findings().error(at,
                           "the store's password is given twice",
                           "leave it out of `url`, or leave out `password_file`");
    }
    if (!out.user.empty() && out.password.empty() && out.password_file.empty()) {
        s.findings().error(at,
                           quoted(out.description) + " has a user without a password",
                           "write redis://USER:PASSWORD@HOST, or name a `password_file`; "
                           "redis://:PASSWORD@HOST is a password alone");
    }
}

void read_tls(section& s, store& out) {
    auto const* given = s.find("tls");
    if (given == nullptr || given->what == yaml_node::kind::nothing) {
        return;
    }
    auto& tls = out.tls;
    s.child("tls", [&](section& t) {
        t.boolean("verify", tls.verify);
        t.text("ca_file", tls.ca_file);
        t.text("cert_file", tls.cert_file);
        t.text("key_file", tls.key_file);
        t.text("server_name", tls.server_name);
    });
    // What is as it is without it may stand there: `check --dump` writes it.
    auto const says_something = !tls.verify || !tls.ca_file.empty() || !tls.cert_file.empty() ||
                                !tls.key_file.empty() || !tls.server_name.empty();
    if (!out.is_tls && says_something) {
        s.findings().error(
            given->at,
            "`tls` is given, but " + quoted(out.description) + " is spoken to plainly",
            "write rediss:// (rediss+sentinel://, rediss+cluster://) for TLS, or leave out `tls`");
    }
    if (tls.cert_file.empty() != tls.key_file.empty()) {
        s.findings().error(given->at,
                           "a certificate of ours needs its key",
                           "give both `cert_file` and `key_file`, or neither");
    }
    if (!tls.verify) {
        s.findings().warning(
            given->at,
            "the store's certificate is not verified: whoever is between reads and "
            "writes what is cached",
            "name its CA in `ca_file` instead of `verify: false`");
    }
}

void read_sentinel(section& s, store& out) {
    auto const* given = s.find("sentinel");
    if (given == nullptr || given->what == yaml_node::kind::nothing) {
        return;
    }
    auto& to = out.sentinel;
    s.child("sentinel", [&](section& t) {
        t.text("user", to.user);
        t.text("password", to.password);
        t.text("password_file", to.password_file);
    });
    if (!to.password.empty() && !to.password_file.empty()) {
        s.findings().error(given->at,
                           "the Sentinels' password is given twice",
                           "write either `password` or `password_file`");
    }
    if (!to.user.empty() && to.password.empty() && to.password_file.empty()) {
        s.findings().error(given->at,
                           "the Sentinels' user has no password",
                           "write `password` or `password_file` as well");
    }
    auto const says_something =
        !to.user.empty() || !to.password.empty() || !to.password_file.empty();
    if (says_something && out.sentinel_addresses.empty()) {
        s.findings().error(
            given->at,
            "`sentinel` is given, but " + quoted(out.description) + " names no Sentinels",
            "write redis+sentinel://HOST,HOST/MASTER-NAME, or leave it out");
    }
}

}  // namespace

void read_store_access(section& s, store& out) {
    read_url(s, out);
    read_password_file(s, out);
    read_tls(s, out);
    read_sentinel(s, out);
}

}  // namespace sidecache::config
