#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Names: from those of an API to those of rules, keys and variables.
namespace sidecache::config::init {

/// "products" of "product", "categories" of "category": good enough for names. What is not known
/// to be a plural comes back as it is.
std::string singular(std::string_view word);

/// Two words that mean the same kind of thing: "Products", "product", "PRODUCT_S" are one.
std::string kind_of(std::string_view word);

/// Letters in lower case and digits alone: for comparing names.
std::string bare(std::string_view name);

/// `getProductById`, `read_item_items__item_id__get`: get-product-by-id, as rules are named. Empty
/// when nothing usable is left.
std::string kebab(std::string_view text);

/// What may stand in a template as `{name}`: `product-id` becomes productId. Never empty.
std::string variable_name(std::string_view text);

/// What may stand in a key as a literal.
std::string key_literal(std::string_view text);

/// A text from the file for a comment: one line of plain letters, cut when it is longer.
std::string for_comment(std::string_view text, std::size_t longest = 100);

/// Words of a path by which its route is told apart: each of them alone, letter case apart.
bool is_session_word(std::string_view word);   ///< login, logout, token...
bool is_moment_word(std::string_view word);    ///< health, metrics, ping...
bool is_question_word(std::string_view word);  ///< search, query, export: reads that are POSTed
bool is_own_word(std::string_view word);       ///< me, whoami: about who asks

}  // namespace sidecache::config::init
