// The style of a report.
#pragma once

namespace gradus {

extern const char* const report_style;

}  // namespace gradus
