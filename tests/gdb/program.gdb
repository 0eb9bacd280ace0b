# Breakpoints, steps, watched memory, registers and frames of a program with its sources.
info threads
print $pc == 0x1000
break insert
continue
backtrace
info args
print *node
print list
finish
delete
watch total
continue
continue
backtrace 1
delete
tbreak weigh if depth == 0 && key == 5
continue
backtrace
up
info locals
print key
info frame
finish
rwatch nodes[2].key
awatch nodes[3].next
continue
continue
continue
delete
stepi
x/i $pc
print $pc
next
next
print/x $sp
print $fp
print half
print $fa5
info registers ra sp gp tp pc a0 a1 a2 a3 a4 a5
print $fcsr
print $mstatus
print $misa & 0x112d
print $mhartid
print $priv
print $mscratch = 0x1234
print $mscratch
print $fa0 = 2.5
print $fa0
set var total = 77
print total
print nodes
x/4wx &nodes
set scheduler-locking on
thread 2
tbreak program.c:48
continue
print $mhartid
print $sp
python print(gdb.selected_frame().name(), gdb.selected_frame().older().name())
print counter > 0
stepi
stepi
stepi
stepi
stepi
python print(gdb.selected_frame().name())
set var counter = 1000000000000
set scheduler-locking off
thread 1
break finished
continue
set scheduler-locking off
thread 1
backtrace
print total
print half
x/4i finished
set $pc = finished
stepi
stepi
print $pc
set $pc = second
detach
