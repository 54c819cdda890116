#include <stdio.h>
#include <string.h>
#define W 32
#define H 16
typedef unsigned char board[H][W];
static void step(board to, board from){
  int r,c,dr,dc;
  for(r=0;r<H;r++) for(c=0;c<W;c++){
    int n=0;
    for(dr=-1;dr<=1;dr++) for(dc=-1;dc<=1;dc++)
      if(dr||dc) n+=from[(r+dr+H)%H][(c+dc+W)%W];
    to[r][c]= n==3 || (n==2 && from[r][c]);
  }
}
static int alive(board b){int n=0;unsigned char*p=&b[0][0];while(p<&b[0][0]+sizeof(board))n+=*p++;return n;}
int main(){
  static board a,b; int i,r,c;
  const char*glider=".#...##.##......";
  for(i=0;i<9;i++) a[i/3][i%3+1]= "010001111"[i]=='1';
  for(i=0;glider[i];i++) a[8+i/8][12+i%8]=glider[i]=='#';
  for(i=0;i<5;i++) a[5][20+i]=1;
  for(i=0;i<60;i++){
    if(i%10==0) printf("gen %d: %d\n",i,alive(a));
    step(b,a); memcpy(a,b,sizeof a);
  }
  for(r=0;r<H;r++){for(c=0;c<W;c++)putchar(a[r][c]?'#':'.');putchar('\n');}
  return alive(a);
}
