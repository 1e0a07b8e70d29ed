#include "gradus/ops/gemm_tiles.h"

#include <algorithm>
#include <utility>

#include "gradus/core/pack.h"
#include "gradus/ops/interleave.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

using Columns = Num<float, pack_lanes<float>>;  // of a tile: two registers
constexpr int tile_columns = Columns::size;
constexpr int tile_rows =
    register_bytes == 64 ? 12 : 6;  // of sums, which with a pack of b and a number of a fill the registers
#if defined(__FMA__)
constexpr bool fused = true;
#else  // the BLAS looks at the processor, and is ahead
constexpr bool fused = false;
#endif
constexpr int64_t deepest = 256;       // terms at a time: a panel of b stays in the first-level cache
constexpr int64_t most_columns = 256;  // packed at a time: they stay in the second-level cache

// `rows` rows of c over one panel of b, which is packed: tile_columns numbers for each of k.  `columns` of them are in
// c.
template <int rows>
void tile(int64_t k, const float* a, int64_t a_row, int64_t a_column, const float* b, float* c, int64_t c_row,
          int columns, bool accumulate) {
  Columns sum[rows];
  const bool whole = columns == tile_columns;
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
    sum[i] = !accumulate ? Columns(0.0)
             : whole     ? Columns::load(c + i * c_row)
                         : Columns::load_first(c + i * c_row, columns);
  for (int64_t l = 0; l < k; ++l, a += a_column, b += tile_columns) {
    const Columns x = Columns::load(b);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) sum[i] = fma(Columns(double(a[i * a_row])), x, sum[i]);
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) whole ? sum[i].store(c + i * c_row) : sum[i].store_first(c + i * c_row, columns);
}

using Tile = void (*)(int64_t k, const float* a, int64_t a_row, int64_t a_column, const float* b, float* c,
                      int64_t c_row, int columns, bool accumulate);
template <int... i> Tile tile_of(int rows, std::integer_sequence<int, i...>) {
  static constexpr Tile all[] = {tile<i + 1>...};
  return all[rows - 1];
}
Tile tile_of(int64_t rows) { return tile_of(int(rows), std::make_integer_sequence<int, tile_rows>{}); }

// `depth` rows of b, panel by panel.
void pack_columns(const float* b, const Matrix& m, int64_t depth, int64_t columns, float* to) {
  for (int64_t j = 0; j < columns; j += tile_columns, to += depth * tile_columns) {
    const int here = int(std::min<int64_t>(tile_columns, columns - j));
    const float* from = b + j * m.column;
    if (m.column == 1) {
      for (int64_t l = 0; l < depth; ++l, from += m.row)
        (here == tile_columns ? Columns::load(from) : Columns::load_first(from, here)).store(to + l * tile_columns);
    } else {
      const float* rows[tile_columns];
      for (int j = 0; j < tile_columns; ++j) rows[j] = from + std::min(j, here - 1) * m.column;
      interleave<tile_columns>(rows, depth, to);
    }
  }
}

// `depth` columns of a, each dense, tile by tile; of the last tile only the rows that there are.
void pack_rows(const float* a, int64_t column, int64_t rows, int64_t depth, float* to) {
  for (int64_t i = 0; i < rows; i += tile_rows, to += depth * tile_rows) {
    const float* from = a + i;
    const int64_t here = rows - i;
    if (here >= tile_rows)  // a loop of its own: its extent is known, and nothing is called
      for (int64_t l = 0; l < depth; ++l, from += column)
        for (int r = 0; r < tile_rows; ++r) to[l * tile_rows + r] = from[r];
    else
      for (int64_t l = 0; l < depth; ++l, from += column) std::copy_n(from, here, to + l * tile_rows);
  }
}

int64_t in_tiles(int64_t n, int64_t tile) { return (n + tile - 1) / tile * tile; }

}  // namespace

bool tiles_pay(int64_t n, int64_t m, int64_t k) {
  const bool tiny = n * m * k <= 4096 && m >= tile_columns;  // where the BLAS takes longer to begin than to multiply
  return fused && (tiny || (n >= 48 && m >= tile_columns && k >= 8 && n * m * k <= int64_t{1} << 29));
}

void multiply_in_tiles(int64_t n, int64_t m, int64_t k, Matrix a, Matrix b, float* c, int64_t c_row, bool accumulate) {
  const bool across = a.column != 1;  // read where it lies a tile of a would fall on few lines of the cache
  const int64_t depth_room = std::min(k, deepest);
  const Scratch panels(size_t(depth_room * in_tiles(std::min(m, most_columns), tile_columns)) * sizeof(float));
  const Scratch packed(across ? size_t(depth_room * in_tiles(n, tile_rows)) * sizeof(float) : 0);
  for (int64_t l = 0; l < k; l += deepest, accumulate = true) {
    const int64_t depth = std::min(deepest, k - l);
    const float* from_a = static_cast<const float*>(a.data) + l * a.column;
    if (across) pack_rows(from_a, a.column, n, depth, packed.as<float>());
    for (int64_t j0 = 0; j0 < m; j0 += most_columns) {
      const int64_t columns = std::min(most_columns, m - j0);
      const float* from_b = static_cast<const float*>(b.data) + l * b.row + j0 * b.column;
      pack_columns(from_b, b, depth, columns, panels.as<float>());
      for (int64_t j = 0; j < columns; j += tile_columns) {
        const float* panel = panels.as<float>() + j * depth;
        const int here = int(std::min<int64_t>(tile_columns, columns - j));
        for (int64_t i = 0; i < n; i += tile_rows) {
          const Tile run = tile_of(std::min<int64_t>(tile_rows, n - i));
          float* to = c + i * c_row + j0 + j;
          if (across) run(depth, packed.as<float>() + i * depth, 1, tile_rows, panel, to, c_row, here, accumulate);
          else run(depth, from_a + i * a.row, a.row, 1, panel, to, c_row, here, accumulate);
        }
      }
    }
  }
}

}  // namespace gradus
