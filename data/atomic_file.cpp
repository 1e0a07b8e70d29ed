#include "gradus/data/atomic_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gradus/core/error.h"

namespace gradus {
namespace {
namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const char* what) {
  const char* advice = errno == ENOENT ? "; make its folder, or choose one that is there"
                                       : ", and is as it was; make room or choose a path that can be written";
  throw FileError(fmt::format("{}: {} ({}){}", path, what, std::strerror(errno), advice));
}

struct Descriptor {
  int number;
  explicit Descriptor(int number) : number(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// Where a link leads, so that the link itself stays.
std::string resolved(const std::string& path) {
  struct stat facts;
  if (::lstat(path.c_str(), &facts) != 0 || !S_ISLNK(facts.st_mode)) return path;
  std::error_code ignored;
  const fs::path target = fs::weakly_canonical(path, ignored);
  return ignored ? path : target.string();
}

void check_regular(const std::string& path) {
  struct stat facts;
  if (::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode))
    throw FileError(fmt::format("{}: is {}, wanted a file or nothing; choose another path", path,
                                S_ISDIR(facts.st_mode) ? "a folder" : "no regular file"));
}

std::string folder_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

constexpr const char* temporary_suffix = ".tmp";

// The temporary names of `path` are path.PROCESS.NUMBER.tmp.
bool is_temporary_of(const std::string& base, const std::string& name) {
  if (!name.starts_with(base + ".") || !name.ends_with(temporary_suffix)) return false;
  const size_t begin = base.size() + 1, end = name.size() - std::strlen(temporary_suffix);
  if (begin >= end) return false;
  const std::string middle = name.substr(begin, end - begin);
  return std::count(middle.begin(), middle.end(), '.') == 1 &&
         middle.find_first_not_of("0123456789.") == std::string::npos;
}

// A writer holds a lock on its temporary file as long as it lives; what nobody holds, nobody finishes.
void sweep(const std::string& path) {
  std::error_code ignored;
  const std::string base = fs::path(path).filename().string();
  for (fs::directory_iterator entry(folder_of(path), ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (!is_temporary_of(base, entry->path().filename().string())) continue;
    const Descriptor file(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.number >= 0 && ::flock(file.number, LOCK_EX | LOCK_NB) == 0) ::unlink(entry->path().c_str());
  }
}

// The temporary file of one writer, which removes it unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const std::string& path) : path_(path), file_(-1) {
    static std::atomic<unsigned> count{0};
    do {  // again when a sweeper was faster than the lock
      if (file_.number >= 0) ::close(file_.number);
      name_ = fmt::format("{}.{}.{}{}", path, ::getpid(), count++, temporary_suffix);
      file_.number = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_.number < 0) fail(path, "cannot be written");
    } while (!locked());
  }
  ~Temporary() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  void write(const Piece& piece) {
    const char* from = static_cast<const char*>(piece.data);
    for (size_t left = piece.size; left > 0;) {
      const ssize_t done = ::write(file_.number, from, std::min(left, size_t{1} << 30));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(path_, "cannot be written");
      from += done;
      left -= size_t(done);
    }
  }
  void rename() {
    struct stat facts;
    if (::stat(path_.c_str(), &facts) == 0) ::fchmod(file_.number, facts.st_mode & 07777);
    if (::fsync(file_.number) != 0) fail(path_, "cannot be brought to the disk");
    if (::rename(name_.c_str(), path_.c_str()) != 0) fail(path_, "cannot be replaced");
    name_.clear();
  }

 private:
  bool locked() const {
    struct stat facts;
    return ::flock(file_.number, LOCK_EX | LOCK_NB) == 0 && ::fstat(file_.number, &facts) == 0 && facts.st_nlink > 0;
  }
  std::string path_, name_;
  Descriptor file_;
};

}  // namespace

void write_file(const std::string& path, const std::vector<Piece>& pieces) {
  const std::string target = resolved(path);
  check_regular(target);
  sweep(target);
  Temporary file(target);
  for (const Piece& piece : pieces) file.write(piece);
  file.rename();
  const Descriptor folder(::open(folder_of(target).c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (folder.number < 0 || (::fsync(folder.number) != 0 && errno != EINVAL))  // a file system without it says EINVAL
    throw FileError(fmt::format("{}: was written, but its folder cannot be brought to the disk ({}); write it again",
                                path, std::strerror(errno)));
}

}  // namespace gradus
