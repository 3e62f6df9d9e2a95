#include "config/yaml_tree.hpp"

#include "config/substitute.hpp"
#include "config/units.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace sidecache::config {
namespace {

rules::position place(YAML::Mark const& mark) {
    if (mark.is_null()) {
        return {};
    }
    return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

/// Leaves the parser at once: yaml-cpp knows no other way out of its events.
struct stop {
    rules::position at;
    problem what;
};

/// Builds the tree from yaml-cpp's events. Its own `YAML::Node` would be less code, but takes
/// duplicate keys without a word and unfolds aliases without a bound.
class tree_builder final : public YAML::EventHandler {
public:
    tree_builder(environment const& env, report& out, yaml_limits const& limits)
        : env_(env), report_(out), limits_(limits) {}

    std::shared_ptr<yaml_node const> root() const { return root_; }

    void OnDocumentStart(YAML::Mark const& mark) override {
        if (std::exchange(has_document_, true)) {
            throw stop{place(mark),
                       {"a second YAML document begins here",
                        "keep one document in a file: remove the `---`"}};
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        auto node = make(yaml_node::kind::nothing, mark);
        // yaml-cpp gives the place of whatever comes next; the key without a value is what to show.
        if (!stack_.empty()) {
            auto const& key = stack_.back().key;
            node->at = key ? key->at : node->at;
        }
        take(std::move(node), anchor);
    }

    void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        auto const found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            throw stop{place(mark),
                       {"this alias stands inside its own anchor", "a value cannot hold itself"}};
        }
        count(found->second->weight, mark);
        put(found->second, place(mark));
    }

    void OnScalar(YAML::Mark const& mark,
                  std::string const& tag,
                  YAML::anchor_t anchor,
                  std::string const& value) override {
        refuse_tag(mark, tag);
        auto node = make(yaml_node::kind::scalar, mark);
        if (is_key_next() || !env_) {
            node->text = value;
        } else {
            auto filled = substitute(value, env_);
            if (auto* bad = std::get_if<problem>(&filled)) {
                report_.add(node->at, std::move(*bad));
                node->is_reported = true;
            } else {
                node->text = std::move(std::get<std::string>(filled));
            }
        }
        take(std::move(node), anchor);
    }

    void OnSequenceStart(YAML::Mark const& mark,
                         std::string const& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(yaml_node::kind::sequence, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(YAML::Mark const& mark,
                    std::string const& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(yaml_node::kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct frame {
        std::shared_ptr<yaml_node> node;
        YAML::anchor_t anchor;
        std::optional<rules::located<std::string>> key;  // read, its value is still to come
        bool is_duplicate = false;                       // ... and will be dropped
        std::map<std::string, rules::position, std::less<>> keys;
    };

    bool is_key_next() const {
        return !stack_.empty() && stack_.back().node->what == yaml_node::kind::map &&
               !stack_.back().key;
    }

    void count(std::size_t nodes, YAML::Mark const& mark) {
        nodes_ += nodes;
        if (nodes_ > limits_.nodes) {
            throw stop{place(mark),
                       {"the document is too large: more than " + std::to_string(limits_.nodes) +
                            " values, aliases unfolded",
                        "fewer aliases of aliases, or several files"}};
        }
    }

    std::shared_ptr<yaml_node> make(yaml_node::kind what, YAML::Mark const& mark) {
        count(1, mark);
        auto node = std::make_shared<yaml_node>();
        node->what = what;
        node->at = place(mark);
        return node;
    }

    void refuse_tag(YAML::Mark const& mark, std::string const& tag) {
        // "?" and "!" are yaml-cpp's names for a plain and a quoted scalar without a tag.
        if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) {
            return;
        }
        report_.error(place(mark), "the tag " + quoted(tag) + " has no meaning here", "remove it");
    }

    void open(yaml_node::kind what,
              YAML::Mark const& mark,
              std::string const& tag,
              YAML::anchor_t anchor) {
        refuse_tag(mark, tag);
        if (stack_.size() >= limits_.depth) {
            throw stop{
                place(mark),
                {"values are nested more than " + std::to_string(limits_.depth) + " deep", ""}};
        }
        if (is_key_next()) {
            throw stop{place(mark),
                       {"a key must be a plain word, not a list or a mapping",
                        "quote a value that holds `{`, `}`, `[` or `]`: \"product:{id}\""}};
        }
        stack_.push_back({make(what, mark), anchor, {}, false, {}});
    }

    void close() {
        auto done = std::move(stack_.back());
        stack_.pop_back();
        take(std::move(done.node), done.anchor);
    }

    void take(std::shared_ptr<yaml_node> node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            anchors_[anchor] = node;
        }
        auto const at = node->at;
        put(std::move(node), at);
    }

    /// Puts a finished node where it belongs: the root, a list's end, a key or its value.
    void put(std::shared_ptr<yaml_node const> node, rules::position at) {
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& parent = stack_.back();
        parent.node->weight += node->weight;
        if (parent.node->what == yaml_node::kind::sequence) {
            parent.node->items.push_back(std::move(node));
        } else if (!parent.key) {
            begin_entry(parent, *node, at);
        } else {
            if (!parent.is_duplicate) {
                parent.node->entries.push_back({std::move(*parent.key), std::move(node)});
            }
            parent.key.reset();
        }
    }

    void begin_entry(frame& map, yaml_node const& key, rules::position at) {
        if (key.what != yaml_node::kind::scalar) {
            throw stop{at, {"a key must be a plain word", ""}};
        }
        auto const [first, is_new] = map.keys.try_emplace(key.text, at);
        if (!is_new) {
            report_.error(at,
                          "duplicate key " + quoted(key.text),
                          "it was given in line " + std::to_string(first->second.line) +
                              " already; remove one of them");
        }
        map.is_duplicate = !is_new;
        map.key = {key.text, at};
    }

    environment const& env_;
    report& report_;
    yaml_limits limits_;
    bool has_document_ = false;
    std::shared_ptr<yaml_node const> root_;
    std::vector<frame> stack_;
    std::map<YAML::anchor_t, std::shared_ptr<yaml_node const>> anchors_;
    std::size_t nodes_ = 0;
};

/// What yaml-cpp's own messages leave its reader to guess.
std::string hint_for(std::string_view message) {
    if (message.find("map") != std::string_view::npos ||
        message.find("flow") != std::string_view::npos ||
        message.find("tab") != std::string_view::npos) {
        return "check the indentation (spaces, no tabs), and quote values that hold `{`, `}`, `[`, "
               "`]`, `: ` or ` #`";
    }
    return {};
}

}  // namespace

std::shared_ptr<yaml_node const> parse_yaml(std::string_view text,
                                            environment const& env,
                                            report& out,
                                            yaml_limits const& limits) {
    if (text.size() > limits.size) {
        out.error({}, "the file is larger than " + print_size(limits.size), "");
        return nullptr;
    }
    tree_builder builder(env, out, limits);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (stop const& s) {
        out.error(s.at, s.what.text, s.what.hint);
        return nullptr;
    } catch (YAML::Exception const& e) {
        out.error(place(e.mark), "this is not YAML: " + e.msg, hint_for(e.msg));
        return nullptr;
    }
    if (!builder.root() || builder.root()->what == yaml_node::kind::nothing) {
        out.error({}, "the file is empty", "config/products.yaml is an example to start from");
        return nullptr;
    }
    return builder.root();
}

}  // namespace sidecache::config
