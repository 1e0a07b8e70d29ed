// A page of Markdown for every loss, with its picture, and their index by family.
#pragma once
#include <string>

namespace gradus {

// Writes NAME.md and NAME.svg of every loss and README.md into the folder, which must exist.  The figures of the
// certificates take minutes.
void write_loss_pages(const std::string& folder, bool certificates);

}  // namespace gradus
