#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/data/texts.h"

namespace gradus {
namespace {

struct Topic {
  const char* name;
  std::vector<const char*> things;
};

const std::vector<Topic> topics = {{"food", {"soup", "bread", "coffee", "cake", "pasta", "salad"}},
                                   {"music", {"song", "band", "concert", "singer", "drummer", "album"}},
                                   {"travel", {"train", "hotel", "flight", "beach", "museum", "ferry"}},
                                   {"weather", {"rain", "sunshine", "wind", "snow", "fog", "storm"}}};
const std::vector<const char*> good = {"great", "lovely", "excellent", "pleasant", "perfect", "wonderful"},
                               bad = {"awful", "boring", "terrible", "poor", "dreadful", "horrible"},
                               denials = {"not", "hardly", "never"}, openers = {"", "well , ", "honestly , ", "today "},
                               rumours = {"they said it would be", "i had heard it was", "my brother called it"};

// Draws from one stream of the seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : generator_(seed) {}
  int64_t roll(int64_t n) {
    int64_t value = 0;
    fill_integers(&value, 1, 0, n, generator_);
    return value;
  }
  template <class T> const T& of(const std::vector<T>& all) { return all[size_t(roll(int64_t(all.size())))]; }

 private:
  Generator generator_;
};

}  // namespace

Texts phrases(int64_t samples, uint64_t seed) {
  if (samples < 1) throw ParamError(fmt::format("phrases: got {} samples, wanted at least 1; try 1000", samples));
  Dice dice(seed);
  Texts texts;
  for (int64_t i = 0; i < samples; ++i) {
    const Topic& topic = dice.of(topics);
    const bool pleased = dice.roll(2), denied = dice.roll(3) == 0, rumour = dice.roll(3) == 0;
    std::string text = dice.of(openers);
    if (rumour) text += fmt::format("{} {} , but ", dice.of(rumours), dice.of(dice.roll(2) ? good : bad));
    text += fmt::format("the {} was ", dice.of(topic.things));
    if (denied) text += fmt::format("{} ", dice.of(denials));
    text += dice.of(pleased != denied ? good : bad);
    texts.texts.push_back(text);
    texts.answers.push_back({topic.name, pleased ? "good" : "bad"});
  }
  return texts;
}

}  // namespace gradus
