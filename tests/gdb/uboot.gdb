# U-Boot in supervisor mode, under OpenSBI: where it begins, its stack, its relocation.
set scheduler-locking on
tbreak *0x800000fc
continue
set scheduler-locking off
tbreak *0x80200000
continue
info registers pc a0 priv
x/3i $pc
stepi
stepi
stepi
print/x $pc
watch $tp
info watchpoints
delete
hbreak *0x8020002e
continue
info registers pc
x/8i 0x80200000
detach
