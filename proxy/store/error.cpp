#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"

#include <string>

namespace sidecache::store {

namespace {

class store_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "sidecache.store"; }
    std::string message(int value) const override {
        switch (static_cast<store_error>(value)) {
            case store_error::ok:
                return "ok";
            case store_error::unreachable:
                return "no connection to the store";
            case store_error::timeout:
                return "the store did not reply in time";
            case store_error::breaker_open:
                return "not asked: the store has failed too often lately";
            case store_error::not_primary:
                return "the store's server is a replica; sidecache needs the primary";
            case store_error::refused:
                return "the store answered with an error";
            case store_error::malformed:
                return "the store's reply is not what its command promises";
        }
        return "unknown store error";
    }
};

class entry_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "sidecache.entry"; }
    std::string message(int value) const override {
        switch (static_cast<entry_error>(value)) {
            case entry_error::ok:
                return "ok";
            case entry_error::not_an_entry:
                return "not a sidecache entry";
            case entry_error::version:
                return "an entry of another format version";
            case entry_error::truncated:
                return "the entry is cut short";
            case entry_error::checksum:
                return "the entry's checksum does not match";
            case entry_error::malformed:
                return "a length inside the entry does not fit";
        }
        return "unknown entry error";
    }
};

}  // namespace

error_code make_error_code(store_error e) {
    static store_category const category;
    return {static_cast<int>(e), category};
}

error_code make_error_code(entry_error e) {
    static entry_category const category;
    return {static_cast<int>(e), category};
}

}  // namespace sidecache::store
