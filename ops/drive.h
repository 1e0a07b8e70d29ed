// The CPU drivers: run a formula's kernels over strided views.  Ordinary code, once for all formulas.
#pragma once
#include "gradus/ops/kernels.h"

namespace gradus {

void drive_map(const FormulaEntry&, const kernels::MapKernel& single, const kernels::MapKernel& precise, const Call&);
void drive_map_tangent(const FormulaEntry&, const kernels::MapKernel& probe, const Call&);

// `wide` serves long rows of float32; it may be null.
void drive_fold(const FormulaEntry&, const kernels::FoldKernel& single, const kernels::FoldKernel* wide,
                const kernels::FoldKernel& precise, const Call&);
void drive_fold_tangent(const FormulaEntry&, const kernels::FoldKernel& probe, const Call&);

}  // namespace gradus
