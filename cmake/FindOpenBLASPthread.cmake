# Finds OpenBLAS and defines OpenBLAS::pthread.  The pthread build comes first: the OpenMP build hangs in a forked child
# after a threaded product, and the name libopenblas alone may lead to either.
file(GLOB OpenBLASPthread_FOLDERS /usr/lib/*/openblas-pthread)
find_library(OpenBLASPthread_LIBRARY NAMES openblas PATHS ${OpenBLASPthread_FOLDERS} NO_DEFAULT_PATH)
find_library(OpenBLASPthread_LIBRARY NAMES openblasp openblas)
file(GLOB OpenBLASPthread_FOLDERS /usr/include/*/openblas-pthread)
find_path(OpenBLASPthread_INCLUDE_DIR NAMES cblas.h PATHS ${OpenBLASPthread_FOLDERS} NO_DEFAULT_PATH)
find_path(OpenBLASPthread_INCLUDE_DIR NAMES cblas.h PATH_SUFFIXES openblas)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBLASPthread REQUIRED_VARS OpenBLASPthread_LIBRARY OpenBLASPthread_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libopenblas-pthread-dev")
if(OpenBLASPthread_FOUND AND NOT TARGET OpenBLAS::pthread)
  add_library(OpenBLAS::pthread UNKNOWN IMPORTED)
  set_target_properties(OpenBLAS::pthread PROPERTIES
    IMPORTED_LOCATION ${OpenBLASPthread_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${OpenBLASPthread_INCLUDE_DIR})
endif()
mark_as_advanced(OpenBLASPthread_LIBRARY OpenBLASPthread_INCLUDE_DIR)
