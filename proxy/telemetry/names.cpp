#include "proxy/telemetry/metrics.hpp"

// The label values of the metrics, which are also the words of Cache-Status and the logs.
namespace sidecache::telemetry {

std::string_view name(request_result r) {
    switch (r) {
        case request_result::hit:
            return "hit";
        case request_result::stale:
            return "stale";
        case request_result::miss:
            return "miss";
        case request_result::coalesced:
            return "coalesced";
        case request_result::bypass:
            return "bypass";
        case request_result::pass:
            return "pass";
    }
    return "";
}

std::string_view name(hit_tier t) {
    switch (t) {
        case hit_tier::near:
            return "near";
        case hit_tier::store:
            return "store";
    }
    return "";
}

std::string_view name(purge_phase p) {
    switch (p) {
        case purge_phase::begin:
            return "begin";
        case purge_phase::end:
            return "end";
        case purge_phase::unchanged:
            return "unchanged";
        case purge_phase::unknown:
            return "unknown";
        case purge_phase::pending:
            return "pending";
        case purge_phase::replayed:
            return "replayed";
    }
    return "";
}

std::string_view name(lock_outcome o) {
    switch (o) {
        case lock_outcome::acquired:
            return "acquired";
        case lock_outcome::waited:
            return "waited";
        case lock_outcome::timeout:
            return "timeout";
        case lock_outcome::lost:
            return "lost";
    }
    return "";
}

std::string_view name(background_outcome o) {
    switch (o) {
        case background_outcome::dropped:
            return "dropped";
        case background_outcome::found:
            return "found";
        case background_outcome::under_way:
            return "under_way";
        case background_outcome::hindered:
            return "hindered";
        case background_outcome::not_stored:
            return "not_stored";
        case background_outcome::failed:
            return "failed";
        case background_outcome::stored:
            return "stored";
    }
    return "";
}

std::string_view name(event_outcome o) {
    switch (o) {
        case event_outcome::applied:
            return "applied";
        case event_outcome::unmatched:
            return "unmatched";
        case event_outcome::malformed:
            return "malformed";
        case event_outcome::lost:
            return "lost";
        case event_outcome::failed:
            return "failed";
    }
    return "";
}

std::string_view name(warm_outcome o) {
    switch (o) {
        case warm_outcome::stored:
            return "stored";
        case warm_outcome::fresh:
            return "fresh";
        case warm_outcome::skipped:
            return "skipped";
        case warm_outcome::failed:
            return "failed";
    }
    return "";
}

std::string_view name(identity_outcome o) {
    switch (o) {
        case identity_outcome::cached:
            return "cached";
        case identity_outcome::refused:
            return "refused";
        case identity_outcome::joined:
            return "joined";
        case identity_outcome::verified:
            return "verified";
        case identity_outcome::rejected:
            return "rejected";
        case identity_outcome::failed:
            return "failed";
        case identity_outcome::busy:
            return "busy";
        case identity_outcome::confirmed:
            return "confirmed";
        case identity_outcome::unconfirmed:
            return "unconfirmed";
    }
    return "";
}

std::string_view name(rejection r) {
    switch (r) {
        case rejection::bad_request:
            return "bad_request";
        case rejection::bad_method:
            return "bad_method";
        case rejection::request_timeout:
            return "request_timeout";
        case rejection::request_too_large:
            return "request_too_large";
        case rejection::target_too_long:
            return "target_too_long";
        case rejection::bad_expectation:
            return "bad_expectation";
        case rejection::header_too_large:
            return "header_too_large";
        case rejection::bad_coding:
            return "bad_coding";
        case rejection::bad_version:
            return "bad_version";
    }
    return "";
}

rejection rejection_of(unsigned status) {
    switch (status) {
        case 405:
            return rejection::bad_method;
        case 408:
            return rejection::request_timeout;
        case 413:
            return rejection::request_too_large;
        case 414:
            return rejection::target_too_long;
        case 417:
            return rejection::bad_expectation;
        case 431:
            return rejection::header_too_large;
        case 501:
            return rejection::bad_coding;
        case 505:
            return rejection::bad_version;
        default:
            return rejection::bad_request;
    }
}

std::string_view name(store_command c) {
    switch (c) {
        case store_command::read:
            return "read";
        case store_command::fill:
            return "fill";
        case store_command::put:
            return "put";
        case store_command::begin:
            return "begin";
        case store_command::end:
            return "end";
        case store_command::lock:
            return "lock";
        case store_command::publish:
            return "publish";
        case store_command::heartbeat:
            return "heartbeat";
    }
    return "";
}

std::string_view name(store_outcome o) {
    switch (o) {
        case store_outcome::ok:
            return "ok";
        case store_outcome::unreachable:
            return "unreachable";
        case store_outcome::timeout:
            return "timeout";
        case store_outcome::breaker_open:
            return "breaker_open";
        case store_outcome::not_primary:
            return "not_primary";
        case store_outcome::refused:
            return "refused";
        case store_outcome::malformed:
            return "malformed";
    }
    return "";
}

}  // namespace sidecache::telemetry
