#include "proxy/identity/jwks.hpp"

#include "proxy/identity/base64url.hpp"
#include "proxy/identity/jwt_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace sidecache::identity {

namespace {

using boost::json::object;
using made_key = verification_key::made<verification_key>;

/// A key that is well-formed and not for us.
struct not_used {
    std::string why;
};
using read_result = std::variant<verification_key, not_used, key_error>;

std::string text_of(boost::json::string const& s) {
    return {s.data(), s.size()};
}

/// A name out of the file as messages show it: short, and nothing that a terminal would act on.
std::string shown(std::string_view value) {
    std::string out = "`";
    for (char const c : value.substr(0, 40)) {
        out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out + (value.size() > 40 ? "...`" : "`");
}

/// The bytes under a name; an error when it is missing or no base64url.
std::variant<std::string, key_error> bytes_of(object const& jwk, std::string_view name) {
    auto const* text = find_string(jwk, name);
    auto const quoted = "`" + std::string(name) + "`";
    if (text == nullptr) {
        return key_error{"it has no " + quoted};
    }
    auto bytes = decode_base64url({text->data(), text->size()});
    if (!bytes) {
        return key_error{"its " + quoted + " is no base64url (without padding)"};
    }
    return std::move(*bytes);
}

/// Calls `make` with the bytes of both names.
template <class Make>
made_key from_two(object const& jwk, std::string_view a, std::string_view b, Make make) {
    auto first = bytes_of(jwk, a);
    auto second = bytes_of(jwk, b);
    for (auto const* part : {&first, &second}) {
        if (auto const* error = std::get_if<key_error>(part)) {
            return *error;
        }
    }
    return make(std::get<std::string>(first), std::get<std::string>(second));
}

template <class Make>
made_key from_one(object const& jwk, std::string_view name, Make make) {
    auto part = bytes_of(jwk, name);
    if (auto* error = std::get_if<key_error>(&part)) {
        return std::move(*error);
    }
    return make(std::get<std::string>(part));
}

std::variant<made_key, not_used> by_type(object const& jwk) {
    auto const* type = find_string(jwk, "kty");
    if (type == nullptr) {
        return made_key(key_error{"it has no `kty`"});
    }
    if (*type == "RSA") {
        return from_two(jwk, "n", "e", verification_key::rsa);
    }
    if (*type == "oct") {
        return from_one(jwk, "k", verification_key::secret);
    }
    auto const* curve = find_string(jwk, "crv");
    if (*type == "EC" && curve != nullptr && (*curve == "P-256" || *curve == "P-384")) {
        auto const kind = *curve == "P-256" ? key_kind::p256 : key_kind::p384;
        return from_two(jwk, "x", "y", [kind](std::string_view x, std::string_view y) {
            return verification_key::curve(kind, x, y);
        });
    }
    if (*type == "OKP" && curve != nullptr && *curve == "Ed25519") {
        return from_one(jwk, "x", verification_key::ed25519);
    }
    return not_used{"its type " + shown(text_of(*type)) +
                    (curve == nullptr ? "" : " on " + shown(text_of(*curve))) + " is not known"};
}

/// RFC 7517 sections 4.2 and 4.3: whether its author means it for signatures.
std::string why_not_for_signatures(object const& jwk) {
    if (auto const* use = jwk.if_contains("use"); use != nullptr) {
        auto const* word = use->if_string();
        if (word == nullptr || *word != "sig") {
            return "its `use` is not `sig`";
        }
    }
    if (auto const* operations = jwk.if_contains("key_ops"); operations != nullptr) {
        auto const* list = operations->if_array();
        auto const is_verify = [](boost::json::value const& v) {
            return v.is_string() && v.get_string() == "verify";
        };
        if (list == nullptr || std::none_of(list->begin(), list->end(), is_verify)) {
            return "its `key_ops` lack `verify`";
        }
    }
    return "";
}

read_result read_key(object const& jwk) {
    if (auto why = why_not_for_signatures(jwk); !why.empty()) {
        return not_used{std::move(why)};
    }
    std::optional<algorithm> only;
    if (auto const* alg = jwk.if_contains("alg"); alg != nullptr) {
        auto const* name = alg->if_string();
        only = name == nullptr ? std::nullopt : parse_algorithm({name->data(), name->size()});
        if (!only) {
            return not_used{"its `alg` is not known"};
        }
    }
    auto typed = by_type(jwk);
    if (auto* skipped = std::get_if<not_used>(&typed)) {
        return std::move(*skipped);
    }
    auto& made = std::get<made_key>(typed);
    if (auto* error = std::get_if<key_error>(&made)) {
        return std::move(*error);
    }
    auto& key = std::get<verification_key>(made);
    if (only && facts(*only).key != key.kind()) {
        return key_error{"its `alg` is not one of its type's"};
    }
    if (only && key.kind() == key_kind::secret && key.secret_size() < facts(*only).digest) {
        return key_error{"its secret has " + std::to_string(key.secret_size()) + " bytes; " +
                         std::string(facts(*only).name) + " needs " +
                         std::to_string(facts(*only).digest)};
    }
    key.only = only;
    if (auto const* id = jwk.if_contains("kid"); id != nullptr) {
        if (!id->is_string()) {
            return key_error{"its `kid` is no string"};
        }
        key.id = text_of(id->get_string());
    }
    return std::move(key);
}

/// "keys[2] (`kid` `2024-a`): "
std::string place(std::size_t index, object const* jwk) {
    auto out = "keys[" + std::to_string(index) + "]";
    auto const* id = jwk == nullptr ? nullptr : find_string(*jwk, "kid");
    return out + (id == nullptr ? ": " : " (`kid` " + shown(text_of(*id)) + "): ");
}

}  // namespace

std::variant<key_set, key_error> parse_jwks(std::string_view text) {
    if (text.size() > max_key_file) {
        return key_error{"is larger than 256 KiB"};
    }
    auto const set = parse_strict_object(text);
    auto const* keys = set ? set->if_contains("keys") : nullptr;
    auto const* list = keys == nullptr ? nullptr : keys->if_array();
    if (list == nullptr) {
        return key_error{
            "is no JWKS: not one JSON object with `keys`, or a name in it comes "
            "twice"};
    }
    if (list->size() > max_keys) {
        return key_error{"holds more than " + std::to_string(max_keys) + " keys"};
    }
    key_set out;
    for (std::size_t i = 0; i < list->size(); ++i) {
        auto const* jwk = (*list)[i].if_object();
        if (jwk == nullptr) {
            return key_error{place(i, nullptr) + "it is no JSON object"};
        }
        auto read = read_key(*jwk);
        if (auto const* error = std::get_if<key_error>(&read)) {
            return key_error{place(i, jwk) + error->text};
        }
        if (auto const* skipped = std::get_if<not_used>(&read)) {
            out.notes.push_back(place(i, jwk) + "not used: " + skipped->why);
            continue;
        }
        auto& key = std::get<verification_key>(read);
        if (key.kind() != key_kind::secret && jwk->contains("d")) {
            out.notes.push_back(place(i, jwk) +
                                "it holds the private key, too; the public one is "
                                "all that is needed");
        }
        out.keys.push_back(std::move(key));
    }
    if (out.keys.empty()) {
        auto error = key_error{"holds no key that could check a signature"};
        for (auto const& note : out.notes) {
            error.text += "; " + note;
        }
        return error;
    }
    return out;
}

std::variant<key_set, key_error> parse_secret(std::string_view text, algorithm_set wanted) {
    if (text.size() > max_key_file) {
        return key_error{"is larger than 256 KiB"};
    }
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
    }
    auto made = verification_key::secret(text);
    if (auto* error = std::get_if<key_error>(&made)) {
        return std::move(*error);
    }
    auto& key = std::get<verification_key>(made);
    for (auto const& known : known_algorithms()) {
        if (known.key == key_kind::secret && wanted.has(known.id) &&
            key.secret_size() < known.digest) {
            return key_error{"its secret has " + std::to_string(key.secret_size()) + " bytes; " +
                             std::string(known.name) + " needs " + std::to_string(known.digest)};
        }
    }
    key.is_the_only_one = true;
    key_set out;
    out.keys.push_back(std::move(key));
    return out;
}

}  // namespace sidecache::identity
