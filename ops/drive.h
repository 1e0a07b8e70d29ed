// The CPU drivers: run a formula's kernels over strided views.  Ordinary code, once for all formulas.
#pragma once
#include "gradus/ops/block_kernel.h"
#include "gradus/ops/kernels.h"

namespace gradus {

void drive_map(const FormulaEntry&, const kernels::MapKernel& single, const kernels::MapKernel& precise, const Call&);
void drive_map_tangent(const FormulaEntry&, const kernels::MapKernel& probe, const Call&);

// `wide` serves long rows of float32; it may be null.
void drive_fold(const FormulaEntry&, const kernels::FoldKernel& single, const kernels::FoldKernel* wide,
                const kernels::FoldKernel& precise, const Call&);
void drive_fold_tangent(const FormulaEntry&, const kernels::FoldKernel& probe, const Call&);

// The call's arrays are dense and of its dtype; of drive_block_tangent always float64.
void drive_block(const kernels::BlockKernel& single, const kernels::BlockKernel& precise, const BlockCall&);
void drive_block_tangent(const kernels::BlockKernel& probe, const BlockCall&);

}  // namespace gradus
