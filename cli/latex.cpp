#include "gradus/cli/latex.h"

#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

namespace gradus {
namespace {

const std::set<std::string> functions = {"log", "exp", "max", "min", "tanh", "cosh", "sin", "cos", "arg"};
const std::set<std::string> greek = {"alpha", "beta", "gamma", "delta", "epsilon", "lambda", "sigma", "tau",
                                     "pi",    "mu",   "nu",    "rho",   "theta",   "kappa",  "eta"};
const std::set<std::string> operators = {"softmax", "sigmoid", "softplus", "sparsemax", "entmax", "sign", "clip",
                                         "clamp",   "lse",     "argmax",   "mean",      "diag",   "erf",  "lgamma"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 26> signs = {
    {{"]+", "]_{+}"},   {"Π", "\\prod "},   {"Σ", "\\sum "},   {"∏", "\\prod "},
     {"²", "^{2}"},     {"³", "^{3}"},      {"≤", "\\le "},    {"≥", "\\ge "},
     {"<=", "\\le "},   {">=", "\\ge "},    {"->", "\\to "},   {"±", "\\pm "},
     {"·", "\\cdot "},  {"∞", "\\infty "},  {"√", "\\sqrt "},  {"ε", "\\varepsilon "},
     {"α", "\\alpha "}, {"β", "\\beta "},   {"γ", "\\gamma "}, {"δ", "\\delta "},
     {"τ", "\\tau "},   {"λ", "\\lambda "}, {"σ", "\\sigma "}, {"∂", "\\partial "},
     {"ᵀ", "^{\\top}"}, {"%", "\\%"}}};

bool letter(char c) { return std::isalpha(static_cast<unsigned char>(c)); }

bool plain_word(const std::string& w) {
  return w.size() > 1 && w != "eps" && !functions.count(w) && !greek.count(w) && !operators.count(w);
}

// A symbol of the formula: a function, a Greek letter, or a letter.
std::string symbol(const std::string& w) {
  if (functions.count(w)) return std::string("\\").append(w).append(" ");
  if (w == "eps") return "\\varepsilon ";
  if (greek.count(w)) return std::string("\\").append(w).append(" ");
  if (operators.count(w)) return std::string("\\operatorname{").append(w).append("}");
  return w;
}

// Letters, digits and underscores from here on.
std::string token_at(const std::string& f, size_t i) {
  std::string w;
  while (i < f.size() && (letter(f[i]) || f[i] == '_' || std::isdigit(static_cast<unsigned char>(f[i])))) w += f[i++];
  return w;
}
std::string word_at(const std::string& f, size_t i) {
  std::string w;
  while (i < f.size() && letter(f[i])) w += f[i++];
  return w;
}

// log_target, exp_bce: a parameter's or a choice's name, no letter with an index.
bool name_of_parameter(const std::string& token) {
  const size_t at = token.find('_');
  const size_t behind = token.find_first_not_of("_abcdefghijklmnopqrstuvwxyz");
  return at != std::string::npos && at > 1 && token.size() - at > 2 && behind == std::string::npos;
}
std::string upright(const std::string& name) {
  std::string out = "\\text{";
  for (const char c : name) out += c == '_' ? std::string("\\_") : std::string(1, c);
  return out + "}";
}

// "a" is an article where words stand around it.
bool is_article(const std::string& f, size_t i) {
  return f.compare(i, 2, "a ") == 0 && plain_word(word_at(f, i + 2)) && f[i + 2 + word_at(f, i + 2).size()] != '(';
}

// Plain words in a row, from place i on, which moves behind them.
std::string words_from(const std::string& f, size_t& i) {
  std::string text = word_at(f, i);
  i += text.size();
  for (;;) {
    if (i + 1 < f.size() && f[i] == '-' && plain_word(word_at(f, i + 1))) {  // a compound, no difference
      const std::string second = word_at(f, i + 1);
      text += '-' + second;
      i += 1 + second.size();
      continue;
    }
    if (i + 1 >= f.size() || f[i] != ' ') break;
    const std::string next = is_article(f, i + 1) ? "a" : word_at(f, i + 1);
    if ((next != "a" || !is_article(f, i + 1)) && (!plain_word(next) || token_at(f, i + 1) != next)) break;
    text += ' ' + next;
    i += 1 + next.size();
  }
  return text;
}

// A subscript: one word, number or index list in braces.
std::string subscript_from(const std::string& f, size_t& i) {
  std::string sub;
  if (i < f.size() && f[i] == '{') {
    for (++i; i < f.size() && f[i] != '}'; ++i) sub += f[i];
    ++i;
  } else {
    while (i < f.size() && (letter(f[i]) || std::isdigit(static_cast<unsigned char>(f[i])))) sub += f[i++];
  }
  return plain_word(sub) && sub.size() > 2 && sub.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos
             ? upright(sub)
             : sub;
}

}  // namespace

std::vector<std::string> statements(const std::string& formula) {
  std::vector<std::string> all;
  size_t begin = 0;
  for (size_t i = 0; i < formula.size(); ++i) {
    const bool ends = formula.compare(i, 3, ";  ") == 0 || formula.compare(i, 3, ".  ") == 0;
    if (!ends) continue;
    all.push_back(formula.substr(begin, i - begin));
    begin = i + 3;
  }
  all.push_back(formula.substr(begin));
  return all;
}

std::string latex(const std::string& f) {
  std::string out;
  for (size_t i = 0; i < f.size();) {
    const auto sign = [&] {
      for (const auto& [from, to] : signs)
        if (f.compare(i, from.size(), from) == 0) return out += to, i += from.size(), true;
      return false;
    };
    if (sign()) continue;
    if (letter(f[i])) {
      const std::string token = token_at(f, i), w = word_at(f, i);
      const bool differential = w.size() == 2 && w[0] == 'd' && i > 0 && f[i - 1] == '/';
      if (name_of_parameter(token)) {
        out += upright(token);
        i += token.size();
      } else if (differential || !plain_word(w)) {
        out += symbol(w);
        i += w.size();
      } else {
        out.append("\\text{ ").append(words_from(f, i)).append(" }");
      }
    } else if (f[i] == '_') {
      out.append("_{").append(subscript_from(f, ++i)).append("}");
    } else if (f[i] == '^') {
      out += '^';
      ++i;
      if (i < f.size() && f[i] == '(') continue;
      std::string power;
      while (i < f.size() &&
             (letter(f[i]) || std::isdigit(static_cast<unsigned char>(f[i])) || f[i] == '-' || f[i] == '.'))
        power += f[i++];
      out.append("{").append(symbol(power)).append("}");
    } else if (f[i] == '{' || f[i] == '}' || f[i] == '#' || f[i] == '&' || f[i] == '$') {
      out += '\\', out += f[i++];
    } else {
      out += f[i++];
    }
  }
  return out;
}

}  // namespace gradus
