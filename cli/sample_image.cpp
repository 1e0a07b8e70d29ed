#include "gradus/cli/sample_image.h"

#include <algorithm>
#include <vector>

#include "gradus/ops/index.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

template <class T> void append(std::string& bytes, T number) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes += char(uint8_t(number >> (8 * i)));
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < bytes.size() ? uint8_t(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

// The headers of a BMP of 24 bits a pixel, in rows from the bottom up, each padded to four bytes.
std::string bmp_header(int64_t height, int64_t width, int64_t stride) {
  constexpr uint32_t headers = 54;
  std::string bytes = "BM";
  append(bytes, uint32_t(headers + height * stride));
  append(bytes, uint32_t(0));
  append(bytes, headers);
  append(bytes, uint32_t(40));  // of the second header, which begins here
  append(bytes, uint32_t(width));
  append(bytes, uint32_t(height));
  append(bytes, uint16_t(1));
  append(bytes, uint16_t(24));
  for (int i = 0; i < 6; ++i) append(bytes, uint32_t(0));  // not compressed, no palette, of no particular size
  return bytes;
}

}  // namespace

bool drawable(const Shape& features) {
  return features.rank() == 4 && (features[1] == 1 || features[1] == 3) && features[2] > 0 && features[3] > 0;
}

std::string image_address(const Tensor& features, int64_t i) {
  const int64_t channels = features.shape()[1], height = features.shape()[2], width = features.shape()[3];
  const std::vector<double> v = slice(features, 0, i, i + 1).to_vector();
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  const double darkest = *low, span = *high > *low ? *high - *low : 1;
  const int64_t stride = (3 * width + 3) / 4 * 4;
  std::string bytes = bmp_header(height, width, stride);
  for (int64_t y = height - 1; y >= 0; --y) {
    for (int64_t x = 0; x < width; ++x)
      for (int64_t colour = 2; colour >= 0; --colour) {  // blue, green, red
        const int64_t c = channels == 1 ? 0 : colour;
        bytes += char(uint8_t(255 * (v[size_t((c * height + y) * width + x)] - darkest) / span + 0.5));
      }
    bytes.append(size_t(stride - 3 * width), '\0');
  }
  return "data:image/bmp;base64," + base64(bytes);
}

}  // namespace gradus
