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

constexpr std::array<std::pair<std::string_view, std::string_view>, 24> signs = {
    {{"Σ", "\\sum "},   {"∏", "\\prod "},       {"²", "^{2}"},     {"³", "^{3}"},
     {"≤", "\\le "},    {"≥", "\\ge "},         {"<=", "\\le "},   {">=", "\\ge "},
     {"->", "\\to "},   {"±", "\\pm "},         {"·", "\\cdot "},  {"∞", "\\infty "},
     {"√", "\\sqrt "},  {"ε", "\\varepsilon "}, {"α", "\\alpha "}, {"β", "\\beta "},
     {"γ", "\\gamma "}, {"δ", "\\delta "},      {"τ", "\\tau "},   {"λ", "\\lambda "},
     {"σ", "\\sigma "}, {"∂", "\\partial "},    {"ᵀ", "^{\\top}"}, {"%", "\\%"}}};

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

std::string word_at(const std::string& f, size_t i) {
  std::string w;
  while (i < f.size() && letter(f[i])) w += f[i++];
  return w;
}

}  // namespace

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
      const std::string w = word_at(f, i);
      i += w.size();
      if (!plain_word(w)) {
        out += symbol(w);
        continue;
      }
      out.append("\\text{ ").append(w);  // words in a row are one text
      for (std::string next; i + 1 < f.size() && f[i] == ' ' && plain_word(next = word_at(f, i + 1));
           i += 1 + next.size())
        out.append(" ").append(next);
      out += " }";
    } else if (f[i] == '_') {  // a subscript is one word or number
      std::string sub;
      for (++i; i < f.size() && (letter(f[i]) || std::isdigit(static_cast<unsigned char>(f[i]))); ++i) sub += f[i];
      out.append("_{").append(sub).append("}");
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
