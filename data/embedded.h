// Data compiled into the library, so that the demonstration and the tests need no file and no download.
#pragma once
#include <cstddef>

namespace gradus::embedded {
/// data/digits/digits.csv.gz byte for byte: gzip of 1,797 lines `p0,…,p63,label`, 8×8 pixels of 0 to 16, label 0 to 9.
extern const unsigned char digits_csv_gz[];
extern const std::size_t digits_csv_gz_size;
}  // namespace gradus::embedded
