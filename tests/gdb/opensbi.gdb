# OpenSBI has no symbols: addresses, single steps, both harts, registers.
# Hart 0 goes alone until it is chosen to boot.
set scheduler-locking on
info threads
print/x $pc
break *0x80000000
continue
print $a0
print $mhartid
print $priv
info registers mstatus mie mepc mcause mtval
delete
stepi
stepi
stepi
x/4i $pc
hbreak *0x800000fc
continue
info registers ra sp gp tp s0 t0
x/2i $pc
delete
set scheduler-locking off
tbreak *0x80200000
continue
print/x $pc
print $priv
info registers a0 stvec sie scounteren pmpaddr0
thread 2
print $mhartid
print $priv
detach
