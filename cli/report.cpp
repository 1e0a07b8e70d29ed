#include "gradus/cli/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>

#include "gradus/cli/embedding_picture.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/line_chart.h"
#include "gradus/cli/mistakes.h"
#include "gradus/cli/progress.h"
#include "gradus/cli/report_style.h"
#include "gradus/cli/sample_image.h"
#include "gradus/core/threads.h"
#include "gradus/data/scatter_svg.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/index.h"
#include "gradus/version.h"

namespace gradus {
namespace {

constexpr size_t most_samples = 24;   // that are drawn
constexpr int64_t most_classes = 30;  // of a matrix that an eye can read

bool classifies(const TrainOptions& o) { return o.task == "classify"; }

std::string section(const std::string& title, const std::string& body) {
  return fmt::format("<section><h2>{}</h2>\n{}</section>\n", html_text(title), body);
}

std::string score(const std::string& figure, const std::string& name) {
  return fmt::format("<div class=\"score\"><b>{}</b><span>{}</span></div>\n", html_text(figure), html_text(name));
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string scores(const TrainOptions& o, const TrainResult& r) {
  std::string html = "<div class=\"scores\">\n";
  if (classifies(o)) {
    html += score(percent(r.test.accuracy), "test accuracy") + score(fmt::format("{:.4g}", r.test.loss), "test loss");
  } else {
    html += score(percent(r.test.accuracy), fmt::format("{} nearest neighbours", r.test.k)) +
            score(percent(r.test.raw_accuracy), "the same on raw data") +
            score(percent(r.test.retrieval.precision_at_1), "precision@1") +
            score(percent(r.test.retrieval.map_at_r), "MAP@R");
  }
  html += score(fmt::format("{:.4g}", r.loss), "training loss, last epoch") +
          score(duration_text(r.seconds), "of training");
  return html + "</div>\n";
}

ChartLine line_of(const std::string& name, const std::vector<EpochFigures>& history, const std::string& score) {
  ChartLine line{name, {}};
  for (const EpochFigures& figures : history)
    for (const auto& [key, value] : figures.scores)
      if (key == score) line.points.emplace_back(double(figures.epoch), value);
  return line;
}

std::string curves(const TrainOptions& o, const std::vector<EpochFigures>& history) {
  ChartLine loss{"training", {}}, rate{"rate", {}};
  for (const EpochFigures& figures : history) {
    loss.points.emplace_back(double(figures.epoch), figures.loss);
    rate.points.emplace_back(double(figures.epoch), figures.lr);
  }
  std::vector<ChartLine> losses = {loss}, shares;
  if (classifies(o)) losses.push_back(line_of("test", history, "test_loss"));
  if (classifies(o)) shares = {line_of("test", history, "test_accuracy")};
  else shares = {line_of("precision@1", history, "precision_at_1"), line_of("MAP@R", history, "map_at_r")};
  const auto card = [](const std::string& svg) { return "<section>" + svg + "</section>\n"; };
  return "<div class=\"row\">\n" + card(line_chart_svg(losses, {"Loss", "epoch"})) +
         card(line_chart_svg(shares, {classifies(o) ? "Accuracy" : "Retrieval", "epoch", true})) + "</div>\n";
}

// What a class is called.
using Name = std::function<std::string(int64_t)>;

std::string confusion_table(const Confusion& confusion, const Name& name) {
  int64_t worst = 1;
  for (int64_t i = 0; i < confusion.classes; ++i)
    for (int64_t j = 0; j < confusion.classes; ++j)
      if (i != j) worst = std::max(worst, confusion(i, j));
  std::string html = "<table class=\"confusion\"><tr><th>true ↓&nbsp; taken for →</th>";
  for (int64_t j = 0; j < confusion.classes; ++j) html += fmt::format("<th>{}</th>", html_text(name(j)));
  html += "<th>right</th></tr>\n";
  for (int64_t i = 0; i < confusion.classes; ++i) {
    int64_t all = 0;
    for (int64_t j = 0; j < confusion.classes; ++j) all += confusion(i, j);
    html += fmt::format("<tr><th>{}</th>", html_text(name(i)));
    for (int64_t j = 0; j < confusion.classes; ++j) {
      const int64_t count = confusion(i, j);
      const double share = double(count) / double(i == j ? std::max<int64_t>(all, 1) : worst);
      html += count == 0 ? "<td class=\"none\">0</td>"
                         : fmt::format("<td class=\"{}\" style=\"--share:{:.3f}\">{}</td>", i == j ? "right" : "wrong",
                                       share, count);
    }
    html += fmt::format("<th>{}</th></tr>\n",
                        all ? fmt::format("{:.1f} %", 100 * double(confusion(i, i)) / double(all)) : "");
  }
  return html + "</table>\n";
}

std::string most_frequent(const Confusion& confusion, const Name& name) {
  struct Pair {
    int64_t count, truth, guess;
  };
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < confusion.classes; ++i)
    for (int64_t j = 0; j < confusion.classes; ++j)
      if (i != j && confusion(i, j)) pairs.push_back({confusion(i, j), i, j});
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
  if (pairs.empty()) return "<p class=\"good\">No mistakes.</p>\n";
  std::string html = "<p class=\"soft\">Most frequent:";
  for (size_t k = 0; k < std::min<size_t>(pairs.size(), 5); ++k)
    html += fmt::format("{} {} taken for {} ({}×)", k ? ";" : "", html_text(name(pairs[k].truth)),
                        html_text(name(pairs[k].guess)), pairs[k].count);
  return html + ".</p>\n";
}

std::string confusions(const Data& data, const TrainResult& r, const Name& name) {
  const Confusion confusion = confusion_of(argmax(r.test.outputs, 1), data.test["labels"], r.test.outputs.shape()[1]);
  return section("What is taken for what", (confusion.classes <= most_classes ? confusion_table(confusion, name) : "") +
                                               most_frequent(confusion, name));
}

// A sample as one sees it: a picture, or what it says.
std::string shown(const Data& data, int64_t sample) {
  const Tensor& features = data.test["features"];
  if (!data.wording) return fmt::format("<img alt=\"sample {}\" src=\"{}\">", sample, image_address(features, sample));
  const std::string text = data.wording->text(features.data<int64_t>() + sample * features.shape()[1]);
  return fmt::format("<blockquote>{}</blockquote>", html_text(text));
}

std::string hardest(const Data& data, const TrainResult& r, const Name& name) {
  std::string html = fmt::format("<div class=\"{}\">\n", data.wording ? "hard texts" : "hard");
  for (const HardSample& h : hardest_samples(r.test.outputs, data.test["labels"], most_samples))
    html += fmt::format(
        "<figure>{1}<b>{2}</b>, {3:.1f}&nbsp;%<br>{4}<br><span class=\"soft\">test sample {0}</span></figure>\n",
        h.sample, shown(data, h.sample), html_text(name(h.label)), 100 * h.probability,
        h.guess == h.label ? "<span class=\"good\">right</span>"
                           : fmt::format("<span class=\"bad\">taken for {}, {:.1f}&nbsp;%</span>",
                                         html_text(name(h.guess)), 100 * h.guess_probability));
  return section("Hardest samples",
                 "<p class=\"soft\">Their own label, and the probability that it was given.</p>\n" + html + "</div>\n");
}

std::string false_pairs(const Split& split, const TrainResult& r) {
  const Tensor &features = split.test["features"], &labels = split.test["labels"];
  std::string html = "<div class=\"hard\">\n";
  for (const FalseNeighbour& f : false_neighbours(r.test.outputs, labels, most_samples))
    html += fmt::format(
        "<figure class=\"two\"><div class=\"pair\"><img alt=\"sample {0}\" src=\"{1}\"><img alt=\"sample {2}\" "
        "src=\"{3}\"></div><b>{4}</b> <span class=\"bad\">is nearest to a {5}</span><br><span class=\"soft\">test "
        "samples "
        "{0} and {2}</span></figure>\n",
        f.sample, image_address(features, f.sample), f.neighbour, image_address(features, f.neighbour),
        labels.at({f.sample}), labels.at({f.neighbour}));
  return section("Neighbours of another class", html + "</div>\n");
}

// Points in the plane, in the colours that the model gives them.
std::string points(const Split& split, const TrainResult& r) {
  const std::string svg = scatter_svg(split.test["features"], argmax(r.test.outputs, 1),
                                      {"Test points, coloured as the model takes them", "x", "y"});
  return section("Points", "<div class=\"scatter\">" + svg + "</div>\n");
}

std::string samples(const TrainOptions& o, const Data& data, const TrainResult& r) {
  const Shape& shape = data.test["features"].shape();
  const Name name = [&](int64_t label) { return data.wording ? data.wording->name(label) : std::to_string(label); };
  std::string html;
  if (classifies(o)) html += confusions(data, r, name);
  else
    html += section(
        "Embedding",
        "<div class=\"scatter\">" + embedding_svg(r.test.outputs, data.test["labels"]) + "</div>\n" +
            (r.test.spread.advice.empty() ? ""
                                          : fmt::format("<p class=\"bad\">{}</p>\n", html_text(r.test.spread.advice))));
  if (data.wording || drawable(shape)) html += classifies(o) ? hardest(data, r, name) : false_pairs(data, r);
  else if (classifies(o) && shape.rank() == 2 && shape[1] == 2) html += points(data, r);
  return html;
}

std::string facts_table(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string html = "<table class=\"facts\">\n";
  for (const auto& [name, value] : facts)
    html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", html_text(name), html_text(value));
  return html + "</table>\n";
}

std::string config(const TrainOptions& o) {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto options = nlohmann::ordered_json::parse(config_text(o));
  for (const auto& [key, value] : options.items())
    facts.emplace_back(key, value.is_null() || value == "" ? "default"
                            : value.is_string()            ? value.get<std::string>()
                                                           : value.dump());
  return section("Options", facts_table(facts));
}

std::string versions(const Split& split, const TrainResult& r) {
  return section("Versions and hashes",
                 facts_table({{"gradus", version},
#if defined(__clang__)
                              {"compiler", fmt::format("clang {}.{}", __clang_major__, __clang_minor__)},
#else
                              {"compiler", fmt::format("g++ {}", __VERSION__)},
#endif
                              {"threads", std::to_string(threads())},
                              {"training samples", std::to_string(split.train.size())},
                              {"test samples", std::to_string(split.test.size())},
                              {"weights_hash", r.weights_hash},
                              {"data_hash", fmt::format("{:016x}", data_hash(split))}}));
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

}  // namespace

std::string report_html(const TrainOptions& o, const Data& data, const TrainResult& r) {
  const std::string title = fmt::format("{} on {}", o.model, o.data);
  return fmt::format(
             "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
             "content=\"width=device-width, initial-scale=1\">\n<title>gradus: {0}</title>\n<style>{1}</style></head>\n"
             "<body><main>\n<h1>{0}</h1>\n<p class=\"soft\">gradus train {2}, {3} epoch{5}, {4}</p>\n",
             html_text(title), report_style, o.task, o.epochs, now(), o.epochs == 1 ? "" : "s") +
         scores(o, r) + curves(o, r.history) + samples(o, data, r) + "<div class=\"row\">\n" + config(o) +
         versions(data, r) + "</div>\n</main></body></html>\n";
}

}  // namespace gradus
