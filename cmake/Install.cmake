# `cmake --install` gives bin/tarn, which finds its libraries in lib/ beside bin/, wherever both are put. What belongs into
# lib/ is collected by tools/dist.py.
include_guard(GLOBAL)

# DT_RPATH, not DT_RUNPATH: it also holds for what the libraries need in turn.
target_link_options(tarn PRIVATE -Wl,--disable-new-dtags)
set_target_properties(tarn PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
install(TARGETS tarn RUNTIME DESTINATION bin)
